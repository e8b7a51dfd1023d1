# Stands in for OSSTest's own, of which our scripts use nothing but that it is
# there; see ../README.md.
package Osstest;

use strict;
use warnings;

1;
