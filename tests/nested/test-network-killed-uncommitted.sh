#!/bin/bash
exec "$(dirname "$0")/test-network-killed.sh" uncommitted
