# The campaign of faults, over the model hypervisor (tests/model). make check
# runs a part that a fixed seed chooses; make check-campaign all of it.

check_PROGRAMS += tests/campaign/campaign
tests_campaign_campaign_CPPFLAGS = \
	-I$(srcdir)/tests/campaign \
	$(model_cppflags) \
	$(NULL)
tests_campaign_campaign_LDFLAGS = \
	$(AM_LDFLAGS) \
	-Wl,--disable-new-dtags \
	'-Wl,-rpath,$$ORIGIN/../model/lib' \
	$(NULL)
tests_campaign_campaign_LDADD = $(model_ldadd)
tests_campaign_campaign_SOURCES = \
	tests/campaign/case.cc \
	tests/campaign/case.h \
	tests/campaign/fault.cc \
	tests/campaign/fault.h \
	tests/campaign/frame_name.cc \
	tests/campaign/frame_name.h \
	tests/campaign/guards.cc \
	tests/campaign/guards.h \
	tests/campaign/host.cc \
	tests/campaign/host.h \
	tests/campaign/judge.cc \
	tests/campaign/judge.h \
	tests/campaign/ledger.h \
	tests/campaign/main.cc \
	tests/campaign/mitm.cc \
	tests/campaign/mitm.h \
	tests/campaign/run_case.cc \
	tests/campaign/run_case.h \
	$(NULL)
EXTRA_DIST += \
	tests/campaign/README.md \
	tests/campaign/part \
	$(NULL)

TESTS += tests/campaign/part

# All of it: see README.md for how long. CAMPAIGN_OPTIONS may choose.
check-campaign: tests/campaign/campaign $(model_names)
	tests/campaign/campaign --results=check-campaign.results \
	    $(CAMPAIGN_OPTIONS)

.PHONY: check-campaign
