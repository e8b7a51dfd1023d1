// Work for a Linux guest's PV drivers: timers and calls between processors,
// xenstore, and the PV console.

#ifndef PV_H
#define PV_H

// Starts the threads, where the guest has PV drivers.
void pv_start(void);

// Writes how far they are to `line`, of LINE_SIZE. Returns 0 without any.
int pv_status(char *line);

#endif
