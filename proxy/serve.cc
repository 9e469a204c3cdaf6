#include "proxy/serve.h"

#include <malloc.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/version.h"
#include "cache/scrub.h"
#include "proxy/admin.h"
#include "proxy/app.h"
#include "proxy/certificate_watch.h"
#include "proxy/fetch_keys.h"
#include "proxy/http/server.h"
#include "proxy/policy_loader.h"
#include "proxy/storage_census.h"

namespace weir {
namespace {

constexpr unsigned kDiskThreads = 4;
constexpr auto kSettlePoll = Milliseconds(5);

unsigned loop_count(const HttpOptions& options) {
  if (options.threads > 0) return options.threads;
  const auto cores = std::thread::hardware_concurrency();
  return cores > 0 ? cores : 1;
}

// Ten thousand connections need as many descriptors; the soft limit is often 1024. Answers how many there may be.
rlim_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return RLIM_INFINITY;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

// A quarter of the descriptors is kept for files and upstreams: a client that could be accepted and not served would be told so
// in the middle; one more than there is room for is told at once.
HttpOptions within_descriptors(HttpOptions options, rlim_t descriptors, Log& log) {
  const auto most = descriptors - descriptors / 4;
  if (options.max_connections <= most) return options;
  options.max_connections = static_cast<unsigned>(most);
  log.warning("fewer connections than max-connections, for want of descriptors (RLIMIT_NOFILE)",
              {{"connections", std::uint64_t{options.max_connections}}, {"descriptors", std::uint64_t{descriptors}}});
  return options;
}

Result<std::shared_ptr<const Settings>> make_settings(const Site& site, DiskPool& pool, const Options& options,
                                                      PolicyLoader& rules) {
  auto router = Router::make(site.clock, options.upstreams);
  if (!router) return std::move(router).error();
  const auto before = site.settings();
  auto auth = make_auth_settings(site.clock, options.auth, options.http.public_url, site.store.layout().token_keys(),
                                 fetch_keys(pool, site.loops, options.auth.oidc_ca_file), before ? before->auth.get() : nullptr);
  if (!auth) return std::move(auth).error();
  auto settings = std::make_shared<Settings>();
  settings->router = *std::move(router);
  settings->auth = *std::move(auth);
  settings->freshness = options.freshness;
  settings->access_log = options.access_log;
  settings->policy_options = options.policy;
  auto policy = rules.load(options.policy);
  if (!policy) return std::move(policy).error();
  settings->policy = *std::move(policy);
  return std::shared_ptr<const Settings>(std::move(settings));
}

struct Listeners {
  std::vector<Listener> app, tls, admin;
};

// What systemd bound replaces what the configuration says; a socket named `admin` is the admin listener, one named `tls`
// serves clients over TLS.
Result<Listeners> open_listeners(const Options& options, const std::string& admin_socket) {
  Listeners listeners;
  char** names = nullptr;
  const int count = ::sd_listen_fds_with_names(1, &names);
  for (int i = 0; i < count; ++i) {
    const std::string name = names && names[i] ? names[i] : "";
    auto listener = adopt_listener(SD_LISTEN_FDS_START + i);
    if (!listener) return std::move(listener).error();
    (name == "admin" ? listeners.admin : name == "tls" ? listeners.tls : listeners.app).push_back(*std::move(listener));
  }
  for (int i = 0; i < count; ++i) std::free(names[i]);
  std::free(names);
  const auto add = [](const std::vector<std::string>& addresses, std::vector<Listener>& into) -> Status {
    for (const auto& address : addresses) {
      auto listener = listen_on(address);
      if (!listener) return std::move(listener).error();
      into.push_back(*std::move(listener));
    }
    return ok_status();
  };
  if (listeners.app.empty()) {
    if (auto status = add(options.http.listen, listeners.app); !status) return std::move(status).error();
  }
  if (listeners.tls.empty()) {
    if (auto status = add(options.http.listen_tls, listeners.tls); !status) return std::move(status).error();
  }
  if (!listeners.tls.empty() && options.http.certified_keys.empty())
    return Error{Failure::invalid, Side::local, false, "a socket named tls needs a tls-certificate in [server]"};
  if (listeners.admin.empty()) {
    if (auto status = add(options.admin.listen, listeners.admin); !status) return std::move(status).error();
  }
  auto socket = listen_on_unix(admin_socket);
  if (!socket) return std::move(socket).error();
  listeners.admin.push_back(*std::move(socket));
  return listeners;
}

void write_ports_file(const std::string& path, const Listeners& listeners) {
  if (path.empty()) return;
  const std::string temporary = path + ".new";
  std::FILE* file = std::fopen(temporary.c_str(), "w");
  if (!file) return;
  for (const auto& listener : listeners.app) std::fprintf(file, "server %s\n", listener.address.c_str());
  for (const auto& listener : listeners.tls) std::fprintf(file, "server-tls %s\n", listener.address.c_str());
  for (const auto& listener : listeners.admin) {
    if (!listener.address.starts_with("unix")) std::fprintf(file, "admin %s\n", listener.address.c_str());
  }
  std::fclose(file);
  std::rename(temporary.c_str(), path.c_str());  // whoever waits for it finds it whole
}

void add_store_gauges(Meter& meter, BlobStore& store, const Scrub& scrub) {
  const auto add = [&meter](const char* name, const char* help, auto value, bool only_grows = false) {
    meter.add_gauge({name, help, [value] { return static_cast<double>(value()); }, only_grows});
  };
  add("weir_cache_capacity_bytes", "What the store may take of the disk.", [&store] { return store.budget().capacity(); });
  add("weir_cache_taken_bytes", "What it takes: blobs, downloads under way, leftovers, the index.",
      [&store] { return store.budget().taken(); });
  add("weir_cache_index_bytes", "What its index takes.", [&store] { return store.index().file_bytes(); });
  add("weir_cache_partials", "Downloads that broke off and wait to be continued.",
      [&store] { return store.leftovers().partials(); });
  add("weir_cache_last_copy_bytes", "Blobs that no upstream has any more.",
      [&store] { return store.index().totals().last_copies; });
  add(
      "weir_evicted_bytes_total", "Room that was made by letting blobs go.", [&store] { return store.evictor().evicted_bytes(); },
      true);
  add("weir_evicted_blobs_total", "Blobs that were let go to make room.", [&store] { return store.evictor().evicted_blobs(); }, true);
  add(
      "weir_quarantined_blobs_total", "Stored blobs that were found rotten or unreadable.",
      [&store] { return store.quarantined(); }, true);
  add("weir_scrub_bytes_total", "Bytes that the scrub has read.", [&scrub] { return scrub.bytes_read(); }, true);
}

void add_memory_gauges(Meter& meter, const MemoryBudget& memory) {
  meter.add_gauge({"weir_memory_budget_bytes", "memory-budget: what may be held in memory for clients that read slowly.",
                   [&memory] { return static_cast<double>(memory.capacity()); }});
  meter.add_gauge({"weir_memory_held_bytes", "What of it is held: lists, manifests on their way in, blobs that pass by the disk.",
                   [&memory] { return static_cast<double>(memory.used()); }});
  meter.add_gauge({"weir_memory_refused_total", "Requests refused, or broken off, because memory-budget was used up.",
                   [&memory] { return static_cast<double>(memory.refused()); }, true});
}

void add_usage_gauges(Meter& meter, const Site& site, const UsageWriter& usage) {
  meter.add_gauge({"weir_ledger_bytes", "What the ledger of usage takes of the disk.",
                   [&usage] { return static_cast<double>(usage.ledger().file_bytes()); }});
  meter.add_gauge({"weir_ledger_other_requests_total", "Requests counted as `other` because their hour had max-series already.",
                   [&usage] { return static_cast<double>(usage.ledger().other_requests()); }, true});
  meter.add_gauges({"weir_budget_state", "0 below its limits, 1 beyond the soft one, 2 beyond the hard one.", "budget", [&site] {
                      std::vector<std::pair<std::string, double>> values;
                      for (const auto& each : site.budgets.standings()) values.emplace_back(each.name, each.state);
                      return values;
                    }});
  meter.add_gauges({"weir_budget_used_ratio", "How much of a budget's hard limit, else of its soft one, is used.", "budget", [&site] {
                      std::vector<std::pair<std::string, double>> values;
                      for (const auto& each : site.budgets.standings()) values.emplace_back(each.name, each.used);
                      return values;
                    }});
  const auto allowances = [&site](auto figure) {
    return [&site, figure] {
      std::vector<std::pair<std::string, double>> values;
      for (const auto& upstream : site.settings()->router->upstreams()) {
        if (const auto state = upstream->allowance().state())
          values.emplace_back(upstream->options().name, static_cast<double>(figure(*state)));
      }
      return values;
    };
  };
  meter.add_gauges({"weir_upstream_allowance_limit", "Pulls that an upstream grants in its window, as its ratelimit headers say.",
                    "upstream", allowances([](const Allowance::State& state) { return state.limit; })});
  meter.add_gauges({"weir_upstream_allowance_remaining", "Pulls that are left of it.", "upstream",
                    allowances([](const Allowance::State& state) { return state.remaining; })});
}

void add_gauges(Meter& meter, const Site& site, const Server& server, const std::atomic<bool>& reload_failed,
                const PolicyLoader& rules) {
  meter.add_gauge({"weir_policy_load_failed", "1 when the last rule file was refused and the old rules serve on.",
                   [&rules] { return rules.failed() ? 1.0 : 0.0; }});
  meter.add_gauge({"weir_cache_bytes", "Bytes of whole blobs in the store.",
                   [&site] { return static_cast<double>(site.store.index().totals().blob_bytes); }});
  meter.add_gauge({"weir_cache_blobs", "Whole blobs in the store.",
                   [&site] { return static_cast<double>(site.store.index().totals().blobs); }});
  meter.add_gauge({"weir_fills_active", "Blobs that are growing.", [&site] { return static_cast<double>(site.fills.size()); }});
  meter.add_gauge({"weir_store_degraded", "1 when the store cannot be written to and what is not in it is passed through.",
                   [&site] { return site.store.health().degraded() ? 1.0 : 0.0; }});
  meter.add_gauge({"weir_connections_active", "Client connections that are open.",
                   [&server] { return static_cast<double>(server.connections()); }});
  meter.add_gauge({"weir_config_reload_failed", "1 when the last reload was refused and the old configuration serves on.",
                   [&reload_failed] { return reload_failed.load() ? 1.0 : 0.0; }});
}

// SIGHUP: all of it or nothing. Without certificates listeners under TLS, which are those of the start, keep theirs.
void reload(Site& site, Server& server, PasswordCheck& passwords, CertificateWatch& certificates, DiskPool& pool,
            const ConfigSource& source, PolicyLoader& rules, std::atomic<bool>& failed) {
  const auto held = rules.hold_settings();
  auto loaded = load_config(source);
  if (const auto* errors = std::get_if<std::vector<ConfigError>>(&loaded)) {
    for (const auto& error : *errors)
      site.log.error("configuration refused, the old one serves on", {{"where", error.where}, {"error", error.what}});
    failed.store(true);
    return;
  }
  const Options& options = std::get<LoadedConfig>(loaded).options;
  auto tls = make_tls(options.http);
  auto settings = tls ? make_settings(site, pool, options, rules) : tls.error();
  if (!settings || !tls) {
    const Error& error = tls ? settings.error() : tls.error();
    site.log.error("configuration refused, the old one serves on", {{"error", error.what}});
    failed.store(true);
    return;
  }
  passwords.use((*settings)->auth->users);
  site.replace_settings(*std::move(settings));
  if (*tls) {
    server.use_tls(*std::move(tls));
    certificates.follow(options.http);
  }
  site.store.pins().configure(options.cache.pins);
  site.budgets.configure(options.meter.budgets, options.price.prices);
  const auto teams = std::make_shared<const Teams>(options.meter.teams);
  for (auto& parts : site.loops) parts->loop.post([usage = &parts->usage, teams] { usage->set_teams(teams); });
  site.unknown.clear();
  site.listings.clear();
  failed.store(false);
  site.log.info("configuration reloaded");
}

// The end, in order: no new connections; what is being answered is answered, or cut after the drain time; fills break off
// and keep what they have; the loops stop.
class Shutdown {
 public:
  Shutdown(Site& site, std::vector<std::unique_ptr<Loop>>& loops, Server& app, Server& admin_server, Admin& admin,
           Milliseconds patience)
      : site_(site), loops_(loops), app_(app), admin_server_(admin_server), admin_(admin),
        deadline_(*loops[0], [this] { cut_upstreams(); }), settle_(*loops[0], [this] { settle(); }), patience_(patience) {}

  void begin() {
    if (std::exchange(begun_, true)) {
      cut_upstreams();  // asked twice: at once
      return;
    }
    site_.log.info("draining");
    ::sd_notify(0, "STOPPING=1");
    admin_.set_ready(false);
    deadline_.start(patience_);
    app_.drain([this] {
      cut_upstreams();
      settle();
    });
  }
  bool begun() const { return begun_; }

 private:
  void cut_upstreams() {
    site_.store.end_soon();
    for (auto& parts : site_.loops) parts->loop.post([transport = &parts->transport] { transport->shut_down(); });
  }
  void settle() {
    bool busy = site_.background.load() > 0;
    for (const auto& parts : site_.loops) busy = busy || parts->background.load() > 0;
    if (busy) {
      settle_.start(kSettlePoll);
      return;
    }
    admin_server_.drain([this] {
      for (auto& loop : loops_) loop->stop();
    });
  }

  Site& site_;
  std::vector<std::unique_ptr<Loop>>& loops_;
  Server& app_;
  Server& admin_server_;
  Admin& admin_;
  Timer deadline_, settle_;
  const Milliseconds patience_;
  bool begun_ = false;
};

// Tells systemd that the loops still turn, at half the time it allows.
class Watchdog {
 public:
  explicit Watchdog(Loop& loop) : timer_(loop, [this] { beat(); }) {
    std::uint64_t microseconds = 0;
    if (::sd_watchdog_enabled(0, &microseconds) <= 0) return;
    interval_ = Milliseconds(microseconds / 2000);
    beat();
  }

 private:
  void beat() {
    ::sd_notify(0, "WATCHDOG=1");
    timer_.start(interval_);
  }
  Timer timer_;
  Milliseconds interval_{0};
};

}  // namespace

int serve(const LoadedConfig& config, const ConfigSource& source) {
  const Options& options = config.options;
  ::signal(SIGPIPE, SIG_IGN);
  // Pieces of bodies come and go on every thread: a heap for each thread would keep them all, and a mapping for each
  // piece would fault in fresh pages for every byte.
  ::mallopt(M_ARENA_MAX, 2);
  ::mallopt(M_MMAP_THRESHOLD, 4 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 16 << 20);

  const SystemClock clock;
  Log log(clock, options.log);
  const HttpOptions http = within_descriptors(options.http, raise_descriptor_limit(), log);
  const auto fail = [&log](std::string_view doing, const Error& error) {
    log.error(doing, {{"error", error.what}});
    return 1;
  };

  RealFileSystem disk(options.cache.directory);
  DiskPool pool(kDiskThreads);
  auto opened = BlobStore::open(clock, disk, pool, options.cache);
  if (!opened) return fail("the store cannot be opened", opened.error());
  BlobStore& store = **opened;
  const auto admin_socket = options.admin.socket.empty() ? store.layout().admin_socket() : options.admin.socket;
  auto listeners = open_listeners(options, admin_socket);
  if (!listeners) return fail("cannot listen", listeners.error());

  std::vector<std::unique_ptr<Loop>> loops;
  for (unsigned i = 0; i < loop_count(options.http); ++i) loops.push_back(std::make_unique<Loop>(clock, i));
  Meter meter(static_cast<unsigned>(loops.size()));
  Budgets budgets(clock);
  auto usage_opened = UsageWriter::open(clock, &log,
                                        {.directory = store.layout().usage(),
                                         .loops = static_cast<unsigned>(loops.size()),
                                         .meter = options.meter,
                                         .durable = options.cache.durable,
                                         .block = {}});
  if (!usage_opened) return fail("usage cannot be counted", usage_opened.error());
  UsageWriter& usage = **usage_opened;
  budgets.configure(options.meter.budgets, options.price.prices);
  budgets.load(usage.ledger());
  std::vector<std::unique_ptr<LoopParts>> loop_parts;
  for (auto& loop : loops) {
    loop_parts.push_back(std::make_unique<LoopParts>(*loop, meter.counters(loop->index()), usage.recorder(loop->index()), pool,
                                                     std::string("weir/") + version()));
    usage.recorder(loop->index()).set_charge([&budgets](HourNumber hour, const UsageKey& key, const Usage& received) {
      budgets.note(hour, key, received);
    });
  }
  FillTable fills(store);
  NegativeCache unknown(clock);
  MemoryBudget memory(options.cache.memory_budget);
  ListingCache listings(clock);
  Site site{clock, log, meter, store, fills, unknown, listings, budgets, memory, loop_parts};
  PolicyLoader rules(store, log);
  auto settings = make_settings(site, pool, options, rules);
  if (!settings) return fail("the configuration does not stand", settings.error()) + (rules.failed() ? 1 : 0);
  site.replace_settings(*std::move(settings));
  auto tls = make_tls(options.http);
  if (!tls) return fail("the configuration does not stand", tls.error());

  BlobPull blob_pull(site);
  ManifestPull manifest_pull(site);
  PasswordCheck passwords(clock, site.settings()->auth->users);
  App app(site, blob_pull, manifest_pull, passwords);
  Scrub scrub(store, log);
  Admin admin(site, manifest_pull, scrub, rules);
  Server app_server(loops, http, app, meter, pool, log);
  app_server.use_tls(*std::move(tls));
  // Whoever reaches the admin listener is on this machine or in its network: nobody speaks for others there.
  HttpOptions admin_http = options.http;
  admin_http.proxy_protocol = false;
  admin_http.trusted_proxies = {};
  Server admin_server(loops, admin_http, admin, meter, pool, log);
  std::atomic<bool> reload_failed{false};
  add_gauges(meter, site, app_server, reload_failed, rules);
  add_store_gauges(meter, store, scrub);
  add_usage_gauges(meter, site, usage);
  add_memory_gauges(meter, memory);
  store.budget().set_metering(usage.room());
  scrub.start();
  usage.start([&budgets, &store, &usage] {
    budgets.settle();
    store.budget().set_metering(usage.room());
  });
  StorageCensus census(clock, log, store, usage, [&site](std::string_view name_space) {
    const auto upstream = site.settings()->router->find(name_space);
    return upstream ? upstream->options().name : std::string(name_space);
  });
  census.start();

  CertificateWatch certificates(*loops[0], pool, log, app_server, options.http);
  Shutdown shutdown(site, loops, app_server, admin_server, admin, options.http.drain_timeout);
  const SignalWatch on_term(*loops[0], SIGTERM, [&] { shutdown.begin(); });
  const SignalWatch on_interrupt(*loops[0], SIGINT, [&] { shutdown.begin(); });
  const SignalWatch on_hangup(*loops[0], SIGHUP, [&] {
    if (shutdown.begun()) return;
    // The end waits for it: all that it touches lives here.
    site.background.fetch_add(1);
    pool.submit([&] {
      reload(site, app_server, passwords, certificates, pool, source, rules, reload_failed);
      site.background.fetch_sub(1);
    });
  });
  const Watchdog watchdog(*loops[0]);

  write_ports_file(options.http.ports_file, *listeners);
  for (auto& listener : listeners->app) {
    log.info("serving", {{"address", listener.address}, {"version", version()}});
    app_server.start(std::move(listener));
  }
  for (auto& listener : listeners->tls) {
    log.info("serving over TLS",
             {{"address", listener.address}, {"version", version()}, {"by", kernel_has_tls() ? "kernel" : "OpenSSL"}});
    app_server.start(std::move(listener), true);
  }
  for (auto& listener : listeners->admin) admin_server.start(std::move(listener));
  admin.set_ready(true);
  ::sd_notify(0, "READY=1");

  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < loops.size(); ++i) threads.emplace_back([&loops, i] { loops[i]->run(); });
  loops[0]->run();
  for (auto& thread : threads) thread.join();
  log.info("stopped");
  return 0;
}

}  // namespace weir
