"""Proves output commit, from what the observer at both networks saw.

What a segment of the guest's acknowledges, the guest has read; it came from the
client, whose segment was seen on its way. The checkpoint that the guest's
segment belongs to was taken after that, and all of it was on its way to the
secondary only when its DEVICE_STATE was. So, for each segment that leaves the
primary's host, there must be a checkpoint whose DEVICE_STATE the primary sent
after the client's segment, and whose COMMITTED the secondary sent before the
guest's. A segment for which there is none has left too early. One that has
waited for the checkpoint before its own is found when the client's segment came
after the DEVICE_STATE of that one.
"""

import bisect
import statistics

from bed.frames import segments


def commits(networks, primary, guest, last=False):
    """A line on what was seen, and the segments that left too early.

    `guest`: its address on Ethernet. Looks at each session, or at the `last`,
    from its COMMITTED 0 until one of its programs says that it ends, not at
    what a guest sends unprotected: so not at sessions whose secondary is lost.
    """
    sent = networks.sessions(primary)
    answered = networks.sessions("b" if primary == "a" else "a")
    asked = _asked(networks.capture("guests", "c"))
    output = [segment
              for segment in segments(networks.capture("guests", primary))
              if segment.sender == guest]
    checkpoints, waits, early = 0, [], []
    sessions = sorted(
        session for session in (_checkpoints(sent[ends], answered.get(ends, []))
                                for ends in sent) if session[2])
    for begin, end, order in sessions[-1:] if last else sessions:
        checkpoints += len(order)
        for segment in output:
            if not begin <= segment.time_ns < end:
                continue
            read = asked.get((segment.target, segment.source))
            at = read and _time_of(read, segment.acknowledged)
            if at is None:
                continue  # of another connection, or nothing is read yet
            if _is_committed(order, at, segment.time_ns):
                waits.append(segment.time_ns - at)
            else:
                early.append(segment)
    text = (f"{checkpoints} checkpoints committed, {len(waits)} segments of "
            f"the guest's after their commit, {len(early)} before")
    if waits:
        text += (f"; they left {int(statistics.median(waits)) // 10**6} ms "
                 f"after what they answer in the median, "
                 f"{max(waits) // 10**6} ms at most")
    return text, early


def _checkpoints(sent, answered):
    """When output was held, and of each checkpoint the times of DEVICE_STATE
    and of COMMITTED, both growing."""
    taken = {n: at for at, name, n in sent if name == "DEVICE_STATE"}
    committed = {n: at for at, name, n in answered if name == "COMMITTED"}
    begin = min(committed.values(), default=float("inf"))
    end = min((at for at, name, _ in sent + answered
               if name in ("STOP", "TAKEN_OVER")), default=float("inf"))
    return begin, end, sorted((taken[n], committed[n])
                              for n in committed if n in taken)


def _is_committed(order, asked, left):
    """Whether the first checkpoint that may hold what was asked then was
    committed when it left."""
    which = bisect.bisect_right(order, (asked, float("inf")))
    return which < len(order) and order[which][1] < left


def _asked(capture):
    """Of each connection of the client's, by its ends: where its segments ended
    and when they were first seen, both growing."""
    asked = {}
    for segment in segments(capture):
        ends, times, first = asked.setdefault(
            (segment.source, segment.target), ([], [], segment.sequence))
        end = _behind(first, segment.sequence) + segment.size + \
            ("S" in segment.flags) + ("F" in segment.flags)
        if not ends or end > ends[-1]:
            ends.append(end)
            times.append(segment.time_ns)
    return asked


def _time_of(asked, acknowledged):
    ends, times, first = asked
    which = bisect.bisect_left(ends, _behind(first, acknowledged))
    return times[which] if which < len(ends) else None


def _behind(first, sequence):
    """Bytes from the first; less than 2 GiB in one connection."""
    return (sequence - first) % 2**32
