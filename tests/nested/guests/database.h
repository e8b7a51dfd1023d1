// A database for a Linux guest: redis, from Debian's package, with its log of
// what was changed on a journaling file system on the first disk, written
// through before each answer.

#ifndef DATABASE_H
#define DATABASE_H

// Starts it, if the guest has brought it along: then the first disk is its own.
// Returns 0 when there is none. A line with "BROKEN" says what goes wrong.
int database_start(void);

#endif
