# The commands and the protocol, in rooms; tests/layers says which room may see
# which. No Xen header is visible here: the flags name none, and tests/lint looks
# at the includes.

plugin_cppflags = \
	$(AM_CPPFLAGS) \
	$(CRYPTO_CFLAGS) \
	$(DEVMAPPER_CFLAGS) \
	$(LZ4_CFLAGS) \
	$(YAJL_CFLAGS) \
	$(XXHASH_CFLAGS) \
	$(NULL)

# The ground of everything, and what the program asks of a hypervisor: the two
# rooms that libxl-glue/ stands on, too. A library of their own, so that nothing
# in libxl-glue/ can use the protocol, nor the protocol libxl-glue/: each is
# linked once, and it would not link.
noinst_LIBRARIES += libbase.a
libbase_a_CPPFLAGS = $(plugin_cppflags)
libbase_a_SOURCES = \
	plugin/base/bytes.h \
	plugin/base/child_process.cc \
	plugin/base/child_process.h \
	plugin/base/descriptors.cc \
	plugin/base/descriptors.h \
	plugin/base/domain_files.cc \
	plugin/base/domain_files.h \
	plugin/base/errors.h \
	plugin/base/heap.cc \
	plugin/base/heap.h \
	plugin/base/hex.cc \
	plugin/base/hex.h \
	plugin/base/journal.cc \
	plugin/base/journal.h \
	plugin/base/json.cc \
	plugin/base/json.h \
	plugin/base/keyed_hash.cc \
	plugin/base/keyed_hash.h \
	plugin/base/left_out.h \
	plugin/base/log.h \
	plugin/base/oom.cc \
	plugin/base/oom.h \
	plugin/base/random.cc \
	plugin/base/random.h \
	plugin/base/result.cc \
	plugin/base/result.h \
	plugin/base/system_program.cc \
	plugin/base/system_program.h \
	plugin/base/text.cc \
	plugin/base/text.h \
	plugin/base/unique_fd.h \
	plugin/base/units.h \
	plugin/base/worker_pool.cc \
	plugin/base/worker_pool.h \
	plugin/hypervisor/device_watch.h \
	plugin/hypervisor/domain.h \
	plugin/hypervisor/guest_memory.h \
	plugin/hypervisor/host.h \
	plugin/hypervisor/names.cc \
	plugin/hypervisor/page_mover.h \
	$(NULL)

noinst_LIBRARIES += libcolo.a
libcolo_a_CPPFLAGS = $(plugin_cppflags)
libcolo_a_SOURCES = \
	plugin/commands/cmd_failover.cc \
	plugin/commands/cmd_failover.h \
	plugin/commands/cmd_keep.cc \
	plugin/commands/cmd_keep.h \
	plugin/commands/cmd_receive.cc \
	plugin/commands/cmd_receive.h \
	plugin/commands/cmd_replicate.cc \
	plugin/commands/cmd_replicate.h \
	plugin/commands/cmd_start.cc \
	plugin/commands/cmd_start.h \
	plugin/commands/cmd_status.cc \
	plugin/commands/cmd_status.h \
	plugin/commands/cmd_stop.cc \
	plugin/commands/cmd_stop.h \
	plugin/commands/command_line.cc \
	plugin/commands/command_line.h \
	plugin/commands/config_file.cc \
	plugin/commands/config_file.h \
	plugin/commands/device_kinds.cc \
	plugin/commands/device_kinds.h \
	plugin/commands/eligibility.cc \
	plugin/commands/eligibility.h \
	plugin/commands/keeper.cc \
	plugin/commands/keeper.h \
	plugin/commands/options.cc \
	plugin/commands/options.h \
	plugin/commands/outcome.cc \
	plugin/commands/outcome.h \
	plugin/commands/program.cc \
	plugin/commands/program.h \
	plugin/commands/replicate.cc \
	plugin/commands/replicate.h \
	plugin/commands/ssh_command.cc \
	plugin/commands/ssh_command.h \
	plugin/compare/card_message.cc \
	plugin/compare/card_message.h \
	plugin/compare/checksum.cc \
	plugin/compare/checksum.h \
	plugin/compare/comparison.cc \
	plugin/compare/comparison.h \
	plugin/compare/compared_card.cc \
	plugin/compare/compared_card.h \
	plugin/compare/compared_output.cc \
	plugin/compare/compared_output.h \
	plugin/compare/copy_pump.cc \
	plugin/compare/copy_pump.h \
	plugin/compare/copys_card.cc \
	plugin/compare/copys_card.h \
	plugin/compare/courier.cc \
	plugin/compare/courier.h \
	plugin/compare/lane.h \
	plugin/compare/link_upkeep.cc \
	plugin/compare/link_upkeep.h \
	plugin/compare/neighbour_answers.cc \
	plugin/compare/neighbour_answers.h \
	plugin/compare/packet.cc \
	plugin/compare/packet.h \
	plugin/compare/packet_flow.cc \
	plugin/compare/packet_flow.h \
	plugin/compare/sequence_map.cc \
	plugin/compare/sequence_map.h \
	plugin/compare/sequence_mapping.h \
	plugin/compare/tcp_flow.cc \
	plugin/compare/tcp_flow.h \
	plugin/compare/tcp_segment.cc \
	plugin/compare/tcp_segment.h \
	plugin/compare/tcp_stream.cc \
	plugin/compare/tcp_stream.h \
	plugin/control/control_client.cc \
	plugin/control/control_server.cc \
	plugin/control/control_server.h \
	plugin/control/control_socket.cc \
	plugin/control/control_socket.h \
	plugin/devices/checkpoint_device.h \
	plugin/devices/device_channel.cc \
	plugin/devices/device_channel.h \
	plugin/devices/device_contents.h \
	plugin/devices/device_kind.cc \
	plugin/devices/device_kind.h \
	plugin/devices/device_set.cc \
	plugin/devices/device_set.h \
	plugin/devices/disk_driver.cc \
	plugin/devices/disk_driver.h \
	plugin/devices/disk_store.h \
	plugin/devices/output_felt.h \
	plugin/devices/plain_kinds.cc \
	plugin/devices/plain_kinds.h \
	plugin/devices/pv_connection.cc \
	plugin/devices/pv_connection.h \
	plugin/disks/block_contents.cc \
	plugin/disks/block_contents.h \
	plugin/disks/block_devices.cc \
	plugin/disks/block_devices.h \
	plugin/disks/copys_disk.cc \
	plugin/disks/copys_disk.h \
	plugin/disks/cow_store.cc \
	plugin/disks/cow_store.h \
	plugin/disks/device_mapper.cc \
	plugin/disks/device_mapper.h \
	plugin/disks/device_store.cc \
	plugin/disks/device_store.h \
	plugin/disks/disk_stores.cc \
	plugin/disks/disk_stores.h \
	plugin/disks/drbd.cc \
	plugin/disks/drbd.h \
	plugin/disks/kept_disk.cc \
	plugin/disks/kept_disk.h \
	plugin/disks/kernel_device_mapper.cc \
	plugin/disks/loop_device.cc \
	plugin/disks/loop_device.h \
	plugin/disks/original_disk.cc \
	plugin/disks/original_disk.h \
	plugin/disks/replica_record.cc \
	plugin/disks/replica_record.h \
	plugin/disks/replicated_disk.cc \
	plugin/disks/replicated_disk.h \
	plugin/disks/resources.cc \
	plugin/disks/resources.h \
	plugin/fencing/fence.h \
	plugin/fencing/shell_fence.cc \
	plugin/fencing/shell_fence.h \
	plugin/fencing/shell_witness.cc \
	plugin/fencing/shell_witness.h \
	plugin/fencing/witness.h \
	plugin/network/announcement.cc \
	plugin/network/announcement.h \
	plugin/network/card_interfaces.cc \
	plugin/network/card_interfaces.h \
	plugin/network/committed_output.cc \
	plugin/network/committed_output.h \
	plugin/network/frame_pump.cc \
	plugin/network/frame_pump.h \
	plugin/network/gate.cc \
	plugin/network/gate.h \
	plugin/network/held_frames.cc \
	plugin/network/held_frames.h \
	plugin/network/hold_times.h \
	plugin/network/interface_state.cc \
	plugin/network/interface_state.h \
	plugin/network/neighbour.cc \
	plugin/network/neighbour.h \
	plugin/network/network_card.cc \
	plugin/network/network_card.h \
	plugin/network/output_queue.h \
	plugin/network/tap.cc \
	plugin/network/tap.h \
	plugin/network/tap_frame.h \
	plugin/network/traffic_control.cc \
	plugin/network/traffic_control.h \
	plugin/pages/content_hash.cc \
	plugin/pages/content_hash.h \
	plugin/pages/copy_digests.cc \
	plugin/pages/copy_digests.h \
	plugin/pages/copy_pages.cc \
	plugin/pages/copy_pages.h \
	plugin/pages/moved_pages.cc \
	plugin/pages/moved_pages.h \
	plugin/pages/page_difference.cc \
	plugin/pages/page_difference.h \
	plugin/pages/page_digester.cc \
	plugin/pages/page_digester.h \
	plugin/pages/page_set.cc \
	plugin/pages/page_set.h \
	plugin/process/aftermath.cc \
	plugin/process/aftermath.h \
	plugin/process/background.cc \
	plugin/process/background.h \
	plugin/process/card_watchdog.cc \
	plugin/process/card_watchdog.h \
	plugin/process/caretaker.cc \
	plugin/process/caretaker.h \
	plugin/process/domain_process.cc \
	plugin/process/domain_process.h \
	plugin/process/message_log.cc \
	plugin/process/message_log.h \
	plugin/process/protection_mark.cc \
	plugin/process/protection_mark.h \
	plugin/process/requests.cc \
	plugin/process/requests.h \
	plugin/process/service_manager.cc \
	plugin/process/service_manager.h \
	plugin/process/signals.cc \
	plugin/process/signals.h \
	plugin/process/signals_and_watches.cc \
	plugin/process/signals_and_watches.h \
	plugin/process/watch_record.cc \
	plugin/process/watch_record.h \
	plugin/relay/back_channel.cc \
	plugin/relay/back_channel.h \
	plugin/relay/compression.h \
	plugin/relay/dirty_list_from_wire.cc \
	plugin/relay/dirty_list_from_wire.h \
	plugin/relay/dirty_list_to_wire.cc \
	plugin/relay/dirty_list_to_wire.h \
	plugin/relay/dirty_set_frame.cc \
	plugin/relay/dirty_set_frame.h \
	plugin/relay/local_copy.cc \
	plugin/relay/local_copy.h \
	plugin/relay/memory_file.cc \
	plugin/relay/memory_file.h \
	plugin/relay/migration_stream.cc \
	plugin/relay/migration_stream.h \
	plugin/relay/packed_frame.cc \
	plugin/relay/packed_frame.h \
	plugin/relay/packer.cc \
	plugin/relay/packer.h \
	plugin/relay/page_sifter.cc \
	plugin/relay/page_sifter.h \
	plugin/relay/pages_frame.cc \
	plugin/relay/pages_frame.h \
	plugin/relay/relay_pipe.cc \
	plugin/relay/relay_pipe.h \
	plugin/relay/stream_from_wire.cc \
	plugin/relay/stream_from_wire.h \
	plugin/relay/stream_to_wire.cc \
	plugin/relay/stream_to_wire.h \
	plugin/replication/replica.cc \
	plugin/replication/replica.h \
	plugin/replication/resource_file.cc \
	plugin/replication/resource_file.h \
	plugin/replication/route.cc \
	plugin/replication/route.h \
	plugin/session/copy.cc \
	plugin/session/copy.h \
	plugin/session/copy_limits.cc \
	plugin/session/copy_limits.h \
	plugin/session/copy_state.h \
	plugin/session/device_guard.cc \
	plugin/session/device_guard.h \
	plugin/session/event_queue.cc \
	plugin/session/event_queue.h \
	plugin/session/figures_frame.cc \
	plugin/session/figures_frame.h \
	plugin/session/guest_movement.cc \
	plugin/session/guest_movement.h \
	plugin/session/hello.cc \
	plugin/session/hello.h \
	plugin/session/observer.h \
	plugin/session/offer.cc \
	plugin/session/offer.h \
	plugin/session/opening.cc \
	plugin/session/opening.h \
	plugin/session/output.h \
	plugin/session/output_choice.cc \
	plugin/session/output_choice.h \
	plugin/session/own_guest.cc \
	plugin/session/own_guest.h \
	plugin/session/pause.cc \
	plugin/session/pause.h \
	plugin/session/peer.cc \
	plugin/session/peer.h \
	plugin/session/primary.cc \
	plugin/session/primary.h \
	plugin/session/primary_end.cc \
	plugin/session/primary_end.h \
	plugin/session/resume_frame.h \
	plugin/session/secondary.cc \
	plugin/session/secondary.h \
	plugin/session/session.h \
	plugin/session/session_key.cc \
	plugin/session/session_key.h \
	plugin/session/settings.h \
	plugin/session/takeover.cc \
	plugin/session/takeover.h \
	plugin/session/turn.h \
	plugin/session/verify.cc \
	plugin/session/verify.h \
	plugin/session/verify_disks.cc \
	plugin/session/verify_disks.h \
	plugin/status/all_kinds.h \
	plugin/status/figures.cc \
	plugin/status/figures.h \
	plugin/status/keeper_status.cc \
	plugin/status/keeper_status.h \
	plugin/status/status.cc \
	plugin/status/status.h \
	plugin/status/status_json.cc \
	plugin/status/status_json.h \
	plugin/status/status_openmetrics.cc \
	plugin/status/status_openmetrics.h \
	plugin/status/status_text.cc \
	plugin/status/status_text.h \
	plugin/status/unix_time.h \
	plugin/wire/frame.cc \
	plugin/wire/frame.h \
	plugin/wire/frame_check.cc \
	plugin/wire/frame_check.h \
	plugin/wire/frame_router.cc \
	plugin/wire/frame_router.h \
	plugin/wire/link.cc \
	plugin/wire/link.h \
	plugin/wire/send_turn.cc \
	plugin/wire/send_turn.h \
	plugin/wire/stop_frame.cc \
	plugin/wire/stop_frame.h \
	plugin/wire/transport.cc \
	plugin/wire/transport.h \
	$(NULL)

# One program under several names, in xl's plugin folder for a patched xl and
# beside xl for the shell.
# automake installs what goes to a folder with "exec" in its name before the
# hook below.
xlpluginexec_PROGRAMS = xl-colo
xlpluginexecdir = $(xlplugindir)
xl_colo_CPPFLAGS = $(plugin_cppflags)
xl_colo_SOURCES = plugin/commands/xl_colo.cc
xl_colo_LDADD = \
	libcolo.a \
	libglue.a \
	libbase.a \
	$(CRYPTO_LIBS) \
	$(DEVMAPPER_LIBS) \
	$(LZ4_LIBS) \
	$(XEN_LIBS) \
	$(XXHASH_LIBS) \
	$(YAJL_LIBS) \
	$(NULL)

# For a host without Xen as well: no link to the program.
dist_sbin_SCRIPTS = plugin/fencing/xl-colo-witness

colo_names = \
	xl-colo-failover \
	xl-colo-keep \
	xl-colo-receive \
	xl-colo-replicate \
	xl-colo-start \
	xl-colo-status \
	xl-colo-stop \
	$(NULL)

install-exec-hook:
	$(MKDIR_P) $(DESTDIR)$(sbindir)
	for name in $(colo_names); do \
	    ln -sf xl-colo $(DESTDIR)$(xlplugindir)/$$name && \
	    ln -sfr $(DESTDIR)$(xlplugindir)/xl-colo \
	        $(DESTDIR)$(sbindir)/$$name || \
	    exit 1; \
	done

uninstall-hook:
	for name in $(colo_names); do \
	    rm -f $(DESTDIR)$(xlplugindir)/$$name $(DESTDIR)$(sbindir)/$$name \
	        $(DESTDIR)$(bashcompletiondir)/$$name; \
	done
