// Disks for a Linux guest, and work for them. What each block must hold is in
// the guest's memory, and nowhere else: a copy that goes on with another state
// of the disks than that of its memory finds it out.
//
// Threads write 4 KiB to 1 MiB, directly or through the cache with an fsync, to
// blocks that differ between two copies of the guest; a block counts as written
// when the write has returned. Now and then they discard some instead, where
// the disk takes that: such a block holds what it held, or zeros, until it is
// next written. In between they read the whole disk round and round, past the
// cache, and compare each byte.

#ifndef DISK_H
#define DISK_H

// Loads the driver, if the guest has brought it along, and begins on each disk
// that there is, /dev/xvda and /dev/xvdb, by overwriting all of it.
void disk_start(void);

// Writes what was done with disk number `disk` to `line`, of LINE_SIZE:
//     disk: xvda writes=812 fsyncs=399 kilobytes=91028 discards=99 passes=3 ok
// "passes" are over all of the disk; "BROKEN" instead of "ok" when a block held
// something else than it must or there was an error, of which lines of their
// own tell. A discard that the disk does not take is none, and no error.
// Returns 0 when there is no such disk.
int disk_status(int disk, char *line);

#endif
