# The units. sed, and not configure: only make knows what sbindir comes to. Nor
# may configure find its own mark in the rule.

systemdsystemunit_DATA = systemd/xl-colo@.service
CLEANFILES += $(systemdsystemunit_DATA)
EXTRA_DIST += systemd/xl-colo@.service.in

systemd/xl-colo@.service: systemd/xl-colo@.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	$(SED) 's,[@]sbindir[@],$(sbindir),' '$(srcdir)/systemd/xl-colo@.service.in' \
	    >$@

dist_example_DATA = \
	examples/web1.conf \
	examples/xl-colo-alerts.yml \
	examples/xl-colo-metrics.service \
	examples/xl-colo-metrics.timer \
	$(NULL)
