# Stands in for OSSTest's own: the functions that our scripts use, with OSSTest's
# names, arguments and results, over the emulated hosts of tests/nested. How it
# differs is in ../../README.md.
#
# Environment: OSSTEST_JOB, as in OSSTest; BED_RUNDIR, the folder of the run
# that has been brought up by tests/nested/testbed, where "osstest/runvars" has
# a line NAME=VALUE for each of the job's runvars.
package Osstest::TestSupport;

use strict;
use warnings;

use File::Basename;

BEGIN {
    use Exporter ();
    our @ISA = qw(Exporter);
    our @EXPORT = qw(
                     tsreadconfig %r $flight $job $stash
                     fail logm
                     store_runvar need_runvars
                     target_cmd_root target_cmd_output_root
                     target_putfile_root target_putfilecontents_root_stash
                     target_install_packages
                     lv_create target_choose_vg
                     poll_loop await_tcp get_timeout
                     selecthost power_state
                     selectguest guest_var guest_editconfig
                     guest_get_state guest_checkrunning
                     guest_await guest_check_up
                     toolstack
                     );
}

our (%r,$flight,$job,$stash);

# What takes a real host a second takes an emulated one some.
our $slower= 4;

our $testbed= dirname(__FILE__).'/../../../nested/testbed';
our $rundir;

#---------- start of a script ----------

sub tsreadconfig () {
    $rundir= $ENV{BED_RUNDIR};
    $job= $ENV{OSSTEST_JOB};
    die "BED_RUNDIR and/or OSSTEST_JOB missing"
        unless defined $rundir and defined $job;
    $flight= 'bed';
    $stash= "$rundir/osstest/stash";
    -d $stash or mkdir $stash or die "$stash $!";
    logm("starting $flight.$job");
    %r= ();
    open my $runvars, '<', "$rundir/osstest/runvars" or die "runvars $!";
    while (<$runvars>) {
        chomp;
        my ($name,$value) = split /=/, $_, 2;
        $r{$name}= $value;
    }
    close $runvars;
}

sub logm ($) {
    my ($m) = @_;
    my ($sec,$min,$hour,$day,$month,$year) = gmtime;
    printf STDERR "%04d-%02d-%02d %02d:%02d:%02d Z %s\n",
        $year+1900, $month+1, $day, $hour, $min, $sec, $m;
}

sub fail ($) {
    my ($m) = @_;
    logm("FAILURE: $m");
    die "failure: $m\n";
}

#---------- runvars ----------

sub store_runvar ($$) {
    my ($name,$value) = @_;
    logm("runvar store: $name=$value");
    open my $runvars, '>>', "$rundir/osstest/runvars" or die "runvars $!";
    print $runvars "$name=$value\n";
    close $runvars or die "runvars $!";
    $r{$name}= $value;
}

sub need_runvars {
    my @missing= grep { !defined $r{$_} } @_;
    die "missing runvars @missing " if @missing;
}

#---------- commands on a host ----------

sub bed ($@) {
    my ($subcommand,@args) = @_;
    return ($testbed, $subcommand, '--dir', $rundir, @args);
}

sub run_on ($$;$) {
    my ($ho,$command,$timeout) = @_;
    return bed('run', '--timeout', $slower * ($timeout // 30),
               '--host', $ho->{Name}, '--', $command);
}

sub checked ($@) {
    my ($what,@command) = @_;
    logm("executing $what");
    system(@command) == 0 or die "status ".($? >> 8)." from $what\n";
}

sub target_cmd_root ($$;$) {
    my ($ho,$command,$timeout) = @_;
    checked("$ho->{Name}: $command", run_on($ho,$command,$timeout));
}

sub target_cmd_output_root ($$;$) {
    my ($ho,$command,$timeout) = @_;
    logm("executing $ho->{Name}: $command");
    open my $out, '-|', run_on($ho,$command,$timeout) or die "testbed $!";
    my $text= do { local $/; <$out> } // '';
    close $out or die "status ".($? >> 8)." from $command\n";
    chomp $text;
    return $text;
}

sub target_putfile_root ($$$$;$) {
    my ($ho,$timeout,$source,$target) = @_;
    checked("$source to $ho->{Name}:$target",
            bed('push', '--host', $ho->{Name}, $source, $target));
}

sub target_putfilecontents_root_stash ($$$$;$) {
    my ($ho,$timeout,$contents,$target,$leaf) = @_;
    my $file= "$stash/$ho->{Name}--".($leaf // basename($target));
    open my $out, '>', $file or die "$file $!";
    print $out $contents;
    close $out or die "$file $!";
    target_putfile_root($ho,$timeout,$file,$target);
}

# There is no apt there. Of what a package depends on, dpkg says whether it is
# there; dropbear does what ssh would.
sub target_install_packages {
    my ($ho,@packages) = @_;
    my @files= grep { m,/, } @packages;
    my @names= grep { !m,/, } @packages;
    target_cmd_root($ho, "dpkg-query -W @names", 100) if @names;
    target_cmd_root($ho, 'dpkg --force-bad-path'.
                    " --ignore-depends=openssh-client -i @files", 300)
        if @files;
}

#---------- waiting ----------

sub poll_loop ($$$&) {
    my ($maxwait,$interval,$what,$code) = @_;
    $maxwait *= $slower;
    logm("$what: waiting ${maxwait}s...");
    my $start= time;
    my $reported= '';
    for (;;) {
        my $bad= $code->();
        last unless defined $bad;
        fail("$what: wait timed out: $bad.") if time - $start > $maxwait;
        logm("$what: $bad (waiting) ...") if $bad ne $reported;
        $reported= $bad;
        sleep $interval;
    }
    logm("$what: ok. (".(time - $start)."s)");
}

sub await_tcp ($$$) {
    my ($maxwait,$interval,$ho) = @_;
    poll_loop($maxwait,$interval, "await $ho->{Name}", sub {
        return eval { target_cmd_root($ho, 'true', 5); 1 } ? undef : $@;
    });
}

sub get_timeout ($$$) {
    my ($ho,$which,$default) = @_;
    return $default;
}

#---------- hosts ----------

sub selecthost ($) {
    my ($ident) = @_;
    my $name= $r{$ident};
    die "no specified $ident" unless defined $name;
    return { Ident => $ident, Name => $name, Ip => $r{"${ident}_ip"} };
}

sub power_state ($$) {
    my ($ho,$on) = @_;
    checked("power: setting $on for $ho->{Name}",
            bed($on ? 'boot' : 'kill', '--host', $ho->{Name}));
}

sub target_choose_vg ($$) { return 'bed'; }

# In place of an LV a part of the host's disk, /dev/vda, one after another.
sub lv_create ($$$$) {
    my ($ho,$vg,$lv,$mb) = @_;
    my $sectors= $mb * 2048;
    my $name= "$ho->{Ident}_next_sector";
    my $from= $r{$name} // 0;
    store_runvar($name, $from + $sectors);
    target_cmd_root($ho, "mkdir -p /dev/$vg &&".
        " dmsetup create $vg-$lv".
        " --table '0 $sectors linear /dev/vda $from' &&".
        " ln -sf /dev/mapper/$vg-$lv /dev/$vg/$lv", 60);
    return "/dev/$vg/$lv";
}

sub toolstack (;$) {
    return { Name => 'xl', Command => 'xl' };
}

#---------- guests ----------

sub selectguest ($$) {
    my ($gn,$ho) = @_;
    return {
        Guest => $gn,
        Name => $r{"${gn}_hostname"},
        CfgPath => $r{"${gn}_cfgpath"},
        Vg => $r{"${gn}_vg"},
        Lv => $r{"${gn}_disk_lv"},
        Lvdev => "/dev/".$r{"${gn}_vg"}."/".$r{"${gn}_disk_lv"},
        Host => $ho,
        Ip => $r{"${gn}_ip"},
    };
}

sub guest_var ($$$) {
    my ($gho,$tail,$default) = @_;
    return $r{"$gho->{Guest}_$tail"} // $r{"guests_$tail"} // $default;
}

# The editor is given each line as $_.
sub guest_editconfig ($$$) {
    my ($ho,$gho,$code) = @_;
    my $edited= '';
    foreach (split /^/, target_cmd_output_root($ho, "cat $gho->{CfgPath}")) {
        $code->();
        $edited .= $_;
    }
    target_putfilecontents_root_stash($ho,30,"$edited\n",$gho->{CfgPath});
}

sub guest_get_state ($$) {
    my ($ho,$gho) = @_;
    foreach my $line (split /\n/, target_cmd_output_root($ho, 'xl list')) {
        next unless $line =~ m/^\Q$gho->{Name}\E\s+(?:\d+\s+){3}([-a-z]+)\s/;
        my $state= $1;
        $state =~ s/-//g;
        $state= '-' unless length $state;
        logm("guest $gho->{Name} state is $state");
        return $state;
    }
    logm("guest $gho->{Name} not present on $ho->{Name}");
    return '';
}

sub guest_checkrunning ($$) {
    my ($ho,$gho) = @_;
    return guest_get_state($ho,$gho) =~ m/^[-rb]+$/;
}

# It has no ssh to log in by: its own server has to answer, each byte right.
# Asked from machine c, beside the hosts.
sub guest_await ($$) {
    my ($gho,$maxwait) = @_;
    my $from= { Name => 'c' };
    poll_loop($maxwait,2, "guest $gho->{Name} ip/tcp", sub {
        return eval {
            target_cmd_root($from, "ping -c 1 -W 2 $gho->{Ip} >/dev/null", 5);
            my $said= target_cmd_output_root($from,
                "/share/net-client connect $gho->{Ip} 3 | tail -n 1", 60);
            logm("guest $gho->{Name}: $said");
            $said =~ m/ good=[1-9].* ok$/ or die "no answer\n";
            1;
        } ? undef : $@;
    });
    return $gho;
}

sub guest_check_up ($) {
    my ($gho) = @_;
    guest_await($gho,40);
}

1;
