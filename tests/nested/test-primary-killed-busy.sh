#!/bin/bash
exec "$(dirname "$0")/test-primary-killed.sh" busy
