#include "commands/cmd_status.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "commands/outcome.h"
#include "control/control_server.h"
#include "process/protection_mark.h"
#include "status/status_json.h"
#include "status/status_openmetrics.h"
#include "status/status_text.h"

namespace xl_colo {

namespace {

Result<std::vector<DomainReport>> look(const StatusOptions& options)
{
    std::vector<std::string> domains;
    if (options.domain) {
        domains.push_back(controlled_name(*options.domain, local_patience));
    } else {
        auto found = controlled_domains();
        if (!found) {
            return found.error();
        }
        domains = std::move(*found);
    }
    std::vector<DomainReport> reports;
    for (const std::string& domain : domains) {
        DomainReport report{domain, std::nullopt, std::nullopt};
        auto keeper = ask_keeper(domain, local_patience);
        if (keeper) {
            report.keeper = std::move(*keeper);
        } else {
            report.keeper_error = keeper.error().text();
        }
        auto status = ask_status(domain, local_patience);
        if (status) {
            report.status = std::move(*status);
        } else if (status.error().kind() != ErrorKind::domain_gone &&
                   status.error().kind() != ErrorKind::usage) {
            report.error = status.error().text();
        } else if (!report.keeper && !report.keeper_error) {
            // Asked for by name there is nothing else to tell. One of a list
            // ended just now.
            if (options.domain) {
                const auto mark = read_mark(domain);
                return (mark ? Error(status.error().kind(), *mark)
                             : status.error())
                    .with_context("domain " + domain);
            }
            continue;
        }
        reports.push_back(std::move(report));
    }
    return reports;
}

// Guests with a mark that nobody here answers for any more.
std::vector<std::string> unanswered_marks(
    const std::vector<DomainReport>& reports)
{
    std::vector<std::string> domains = marked_domains();
    std::erase_if(domains, [&](const std::string& domain) {
        return std::ranges::any_of(reports, [&](const DomainReport& report) {
            return report.domain == domain && report.status;
        });
    });
    return domains;
}

std::string shown(const StatusOptions& options,
                  const std::vector<DomainReport>& reports)
{
    const auto now = WallClock::now();
    if (options.json) {
        // One line a look is what a program that follows wants to read.
        const std::string text = reports_to_json(reports, now, !options.watch);
        return text.ends_with('\n') ? text : text + "\n";
    }
    if (options.openmetrics) {
        return reports_to_openmetrics(reports, unanswered_marks(reports), now);
    }
    return options.domain ? status_detail(reports.front(), now)
                          : status_table(reports, now);
}

// In a list, a guest that a keeper waits for is no guest of this host's.
bool all_protected(const StatusOptions& options,
                   const std::vector<DomainReport>& reports)
{
    return std::ranges::all_of(reports, [&](const DomainReport& report) {
        if (!options.domain && !report.has_process() && report.keeper &&
            report.keeper->state == KeeperState::elsewhere) {
            return true;
        }
        return report.status && report.status->state == State::protecting;
    });
}

void tell_of_marks(const std::vector<DomainReport>& reports)
{
    for (const std::string& domain : unanswered_marks(reports)) {
        std::fprintf(stderr, "colo: warning: domain %s: %s\n", domain.c_str(),
                     read_mark(domain).value_or("").c_str());
    }
}

Result<bool> show(const StatusOptions& options)
{
    const auto reports = look(options);
    if (!reports) {
        return reports.error();
    }
    const std::string text = shown(options, *reports);
    if (options.watch && !options.json && isatty(STDOUT_FILENO)) {
        std::fputs("\033[H\033[2J", stdout);  // as watch(1): from the top
    }
    std::fputs(text.c_str(), stdout);
    if (std::fflush(stdout) != 0) {
        return Error::from_errno(ErrorKind::io, "cannot write", errno);
    }
    if (!options.domain && !options.watch) {
        tell_of_marks(*reports);
    }
    return all_protected(options, *reports);
}

}  // namespace

int cmd_status(const StatusOptions& options)
{
    for (;;) {
        const auto all = show(options);
        if (!all) {
            std::fprintf(stderr, "colo: error: %s\n",
                         all.error().text().c_str());
            return EXIT_FAILURE;
        }
        if (!options.watch) {
            // With --openmetrics: whatever the figures say, here they are.
            return *all || options.openmetrics ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        std::this_thread::sleep_for(std::chrono::seconds(1));
    }
}

}  // namespace xl_colo
