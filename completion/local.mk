# bash loads a command's completion from a file of its name.

dist_bashcompletion_DATA = completion/xl-colo-start
completion_links = \
	xl-colo-failover \
	xl-colo-keep \
	xl-colo-replicate \
	xl-colo-status \
	xl-colo-stop \
	$(NULL)

install-data-hook:
	for name in $(completion_links); do \
	    ln -sf xl-colo-start $(DESTDIR)$(bashcompletiondir)/$$name || \
	    exit 1; \
	done
