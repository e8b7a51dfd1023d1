#ifndef DRIVER_H
#define DRIVER_H

// Loads the module of Linux at `path`, of which the guest may have brought none
// along. Returns 0 when it is loaded.
int load_driver(const char *path);

#endif
