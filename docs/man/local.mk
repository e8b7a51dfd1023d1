# The manual, from pod.

man_pods = \
	docs/man/xl-colo-failover.1.pod \
	docs/man/xl-colo-keep.1.pod \
	docs/man/xl-colo-receive.1.pod \
	docs/man/xl-colo-replicate.1.pod \
	docs/man/xl-colo-start.1.pod \
	docs/man/xl-colo-status.1.pod \
	docs/man/xl-colo-stop.1.pod \
	docs/man/xl-colo-witness.1.pod \
	docs/man/xl-colo.7.pod \
	docs/man/xl-colo.conf.5.pod \
	$(NULL)
EXTRA_DIST += $(man_pods)

if HAVE_POD2MAN
man1_MANS = \
	docs/man/xl-colo-failover.1 \
	docs/man/xl-colo-keep.1 \
	docs/man/xl-colo-receive.1 \
	docs/man/xl-colo-replicate.1 \
	docs/man/xl-colo-start.1 \
	docs/man/xl-colo-status.1 \
	docs/man/xl-colo-stop.1 \
	docs/man/xl-colo-witness.1 \
	$(NULL)
man5_MANS = docs/man/xl-colo.conf.5
man7_MANS = docs/man/xl-colo.7
CLEANFILES += $(man1_MANS) $(man5_MANS) $(man7_MANS)

# x.1 from x.1.pod.
SUFFIXES = .pod
.pod:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && target=$@ && \
	$(POD2MAN) --utf8 --section "$${target##*.}" --center xl-colo \
	    --release '$(PACKAGE_STRING)' $< $@
endif
