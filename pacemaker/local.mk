# ocf:xl-colo:guest. The folder is the resource agents' own, whatever the prefix.

ocfdir = $(ocfrootdir)/resource.d/xl-colo
dist_ocf_SCRIPTS = pacemaker/guest
