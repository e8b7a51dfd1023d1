# What the ts-colo-* scripts share. It goes into OSSTest's folder Osstest/.
package Osstest::Colo;

use strict;
use warnings;

use JSON::PP;

use Osstest;
use Osstest::TestSupport;

BEGIN {
    use Exporter ();
    our @ISA = qw(Exporter);
    our @EXPORT = qw(
                     colo_status colo_value colo_poll colo_advance
                     colo_only_on
                     );
}

# What xl-colo-status on the host says of the guest, as a hash; undef where no
# process there has to do with it.
sub colo_status ($$) {
    my ($ho,$gho) = @_;
    my $text= target_cmd_output_root($ho,
        "xl-colo-status --json $gho->{Name} || true", 60);
    return undef unless $text =~ m/\S/;
    return decode_json($text)->[0];
}

# One value of that, as text that can be compared.
sub colo_value ($$$) {
    my ($ho,$gho,$key) = @_;
    my $status= colo_status($ho,$gho);
    return $status ? ($status->{$key} // 'unknown') : 'none';
}

# Until the value matches. What ended protection says more than a timeout does.
sub colo_poll ($$$$$) {
    my ($ho,$gho,$key,$wanted,$maxwait) = @_;
    poll_loop($maxwait, 2, "$gho->{Name} on $ho->{Name}: $key", sub {
        my $value= colo_value($ho,$gho,$key);
        return undef if $value =~ m/^(?:$wanted)$/;
        return "$key is $value";
    });
}

# So many checkpoints more.
sub colo_advance ($$$$) {
    my ($ho,$gho,$count,$maxwait) = @_;
    my $from= colo_value($ho,$gho,'checkpoints');
    fail("$gho->{Name} has no checkpoints on $ho->{Name}: $from")
        unless $from =~ m/^\d+$/;
    poll_loop($maxwait, 2, "$count checkpoints from $from on", sub {
        my $status= colo_status($ho,$gho);
        fail("protection of $gho->{Name} ended: ".
             ($status ? $status->{ended} // $status->{state} : 'no process'))
            unless $status and $status->{state} eq 'protecting';
        return undef if $status->{checkpoints} >= $from + $count;
        return "$status->{checkpoints} checkpoints";
    });
}

# The guest runs there, and neither it nor its copy is on the others.
sub colo_only_on ($$@) {
    my ($gho,$ho,@others) = @_;
    guest_checkrunning($ho,$gho)
        or fail("$gho->{Name} does not run on $ho->{Name}");
    foreach my $other (@others) {
        foreach my $name ($gho->{Name}, "$gho->{Name}--incoming") {
            my $state= guest_get_state($other, { %$gho, Name => $name });
            fail("$name is on $other->{Name}, too: $state") if length $state;
        }
    }
}

1;
