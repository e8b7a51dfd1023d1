// Servers for a Linux guest: redis, which keeps what it has in memory alone,
// and nginx with files from the initramfs. Both are Debian's, with the loader
// and libraries that came with them.

#ifndef SERVER_H
#define SERVER_H

// Starts them, if the guest has brought them along. A line with "BROKEN" says
// that one has ended.
void server_start(void);

#endif
