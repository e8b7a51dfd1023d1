// A network card for a Linux guest, and a server behind it; net_stream.h says
// what that answers. Its connections are in the guest's memory and nowhere
// else.

#ifndef NET_H
#define NET_H

// Loads the cards' driver, if the guest has brought it along, gives the card
// its address, 10.77.0.10, a second one 10.78.0.10, and starts the server's
// threads.
void net_start(void);

// Writes what the server has done to `line`, of LINE_SIZE; "BROKEN" when a byte
// that came was wrong. Returns 0 without a card.
int net_status(char *line);

#endif
