# weir's build, readable in one sitting. Out of tree: everything lands in build/$(MODE).
#
#   make                 the program: build/release/weir
#   make check           every test, ending in "N passed, N failed"
#   make bench-instructions   what a hit, a miss, a join and a decision cost, compared with the figures in the tree
#   make MODE=asan all   debug | release | asan | tsan

MODE   ?= release
BUILD  := build/$(MODE)
CXX     = $(if $(shell command -v ccache),ccache) clang++-19
AR      = llvm-ar-19

WARN   := -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers
CXXFLAGS += -std=c++20 -g -I. -MMD -MP -pthread -fno-omit-frame-pointer $(WARN) $(FLAGS_$(MODE))
LDFLAGS  += -fuse-ld=lld -pthread $(LINK_$(MODE))

FLAGS_debug   := -O0 -Werror
FLAGS_release := -O2 -g1 -DNDEBUG -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
FLAGS_asan    := -O1 -gline-tables-only -Werror -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan    := -O1 -gline-tables-only -Werror -fsanitize=thread
LINK_release  := -pie -Wl,-z,relro,-z,now
LINK_asan     := -fsanitize=address,undefined
LINK_tsan     := -fsanitize=thread

# Tests are compiled for a short build: most of their code runs once. What they test is as above.
QUICK_debug   := -O0
QUICK_release := -O1 -gline-tables-only
QUICK_asan    := -O0
QUICK_tsan    := -O0

# What runs once for each command is compiled for a short build too.
COLD         := conf node commands
COLD_debug   := -O0
COLD_release := -O1
COLD_asan    := -O0
COLD_tsan    := -O0
# The rooms that a fuzzer watches from within.
FUZZED       := base oci meter scan policy proxy/http proxy/auth proxy/upstream conf
FUZZED_asan  := -fsanitize=fuzzer-no-link

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unversioned)

# The rooms, lowest first: a folder may include only itself and what stands before it
# (tools/lint says precisely which). Each is a static library.
# conf sees every folder's options.h.
ROOMS   := base oci meter cache scan policy proxy/http proxy/auth proxy/upstream node conf proxy commands
LIBRARY  = $(BUILD)/lib/$(subst /,_,$(1)).a
SOURCES  = $(filter-out commands/main.cc,$(wildcard $(1)/*.cc))
# A room is compiled as one unit, which takes less than half the time of its files one by one. Debug is for work on one file.
APART   := base/version.cc
WHOLE    = $(BUILD)/whole/$(subst /,_,$(1)).o
OBJECTS  = $(if $(filter debug,$(MODE)),$(patsubst %.cc,$(BUILD)/%.o,$(call SOURCES,$(1))),\
             $(if $(call SOURCES,$(1)),$(WHOLE)) $(patsubst %.cc,$(BUILD)/%.o,$(filter $(APART),$(call SOURCES,$(1)))))
LIBS    := -levent_core -llmdb -lssl -lcrypto -lcurl -lcrypt -lsystemd -lboost_program_options -lhs -larchive -lisal -lzstd -lz -lsqlite3 -lseccomp
# Libraries in link order: users before the used.
ARCHIVES := $(foreach r,commands proxy conf node proxy/upstream proxy/auth proxy/http policy scan cache meter oci base,$(if $(wildcard $(r)/*.cc),$(call LIBRARY,$(r))))

# The sources as one unit: most of the time a compiler takes for them goes into what they include.
define TOGETHER
$(1): $(2)
	@mkdir -p $$(@D); printf '#include "%s"\n' $(2) >$$(@:.o=.cc)
	$$(CXX) $$(CXXFLAGS) -c -o $$@ $$(@:.o=.cc)
endef

.PHONY: all run demo check check-long bench bench-eviction bench-store bench-report bench-guesses bench-policy bench-instructions fuzz format lint deb install clean units unit scenario crash e2e tests fuzzers FORCE
all: $(BUILD)/weir

define ROOM
$(WHOLE): CXXFLAGS += $(if $(filter $(1),$(COLD)),$(COLD_$(MODE))) $(if $(filter $(1),$(FUZZED)),$(FUZZED_$(MODE)))
$(call LIBRARY,$(1)): $(call OBJECTS,$(1))
	@mkdir -p $$(@D); rm -f $$@; $(AR) rcs $$@ $$^
$(call TOGETHER,$(WHOLE),$(filter-out $(APART),$(call SOURCES,$(1))))
endef
$(foreach r,$(ROOMS),$(eval $(call ROOM,$(r))))

$(BUILD)/%.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -c -o $@ $<

$(foreach d,unit support crash,$(eval $(BUILD)/tests/$(d)/%.o: CXXFLAGS += $(QUICK_$(MODE))))
# These say what is to happen; what has to be quick is in tests/support. What all of them include is read once.
$(BUILD)/tests/scenario/%: CXXFLAGS += -O0 -gline-tables-only -U_FORTIFY_SOURCE
SCENE := $(BUILD)/tests/scenario/scene.pch
$(SCENE): tests/scenario/scene.h
	@mkdir -p $(@D); $(CXX) $(CXXFLAGS) -x c++-header -o $@ $<
$(BUILD)/tests/scenario/%.o: tests/scenario/%.cc $(SCENE)
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -include-pch $(SCENE) -c -o $@ $<

$(BUILD)/weir: $(BUILD)/commands/main.o $(ARCHIVES)
	$(CXX) $(LDFLAGS) -o $@ $< $(ARCHIVES) $(LIBS)

# --version says what was built; the stamp changes only when the answer does.
$(BUILD)/base/version.o: $(BUILD)/version.stamp
$(BUILD)/base/version.o: CXXFLAGS += -DWEIR_VERSION='"$(VERSION)"'
$(BUILD)/version.stamp: FORCE
	@mkdir -p $(@D); echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@

# ---- tests -------------------------------------------------------------------------------------
# One unit-test program a room, linked with that room and what stands below it. Under tsan: rooms that have threads.
ROOMS_tsan := base meter cache policy proxy/auth proxy/http proxy/upstream proxy
UNIT_ROOMS := $(foreach r,$(or $(ROOMS_$(MODE)),$(ROOMS)),$(if $(wildcard tests/unit/$(r)/*_test.cc),$(r)))
UNIT_BIN    = $(BUILD)/tests/unit_$(subst /,_,$(1))
BELOW_base :=
BELOW_oci := base
BELOW_meter := oci base
BELOW_cache := meter oci base
BELOW_scan := cache meter oci base
BELOW_policy := meter oci base
BELOW_proxy/http := meter oci base
BELOW_proxy/auth := oci base
BELOW_proxy/upstream := meter oci base
BELOW_node := proxy/upstream proxy/auth meter oci base
BELOW_conf := proxy/upstream proxy/auth proxy/http policy cache meter oci base
BELOW_proxy := conf proxy/upstream proxy/auth proxy/http policy scan cache meter oci base
BELOW_commands := conf node proxy/upstream proxy/auth proxy/http policy scan cache meter oci base
# Compiled as one unit too.
UNIT_TESTS = $(wildcard tests/unit/$(1)/*_test.cc)
UNIT_WHOLE = $(BUILD)/whole/tests/unit/$(1).o
define UNIT
$(call UNIT_BIN,$(1)): $(if $(filter debug,$(MODE)),$(patsubst %.cc,$(BUILD)/%.o,$(call UNIT_TESTS,$(1))),$(call UNIT_WHOLE,$(1))) \
    $(BUILD)/tests/support/doctest_main.o $(foreach r,$(1) $(BELOW_$(1)),$(if $(wildcard $(r)/*.cc),$(call LIBRARY,$(r))))
	@mkdir -p $$(@D); $(CXX) $(LDFLAGS) -o $$@ $$^ $(LIBS)
$(call UNIT_WHOLE,$(1)): CXXFLAGS += $(QUICK_$(MODE))
$(call TOGETHER,$(call UNIT_WHOLE,$(1)),$(call UNIT_TESTS,$(1)))
endef
$(foreach r,$(UNIT_ROOMS),$(eval $(call UNIT,$(r))))
UNIT_BINS := $(foreach r,$(UNIT_ROOMS),$(call UNIT_BIN,$(r)))

SUPPORT  := $(BUILD)/tests/support/whole.o
$(eval $(call TOGETHER,$(SUPPORT),$(filter-out %/doctest_main.cc,$(wildcard tests/support/*.cc))))
SCENARIO := $(patsubst %.cc,$(BUILD)/%.o,$(wildcard tests/scenario/*.cc))
$(BUILD)/tests/scenario_tests: $(SCENARIO) $(SUPPORT) $(BUILD)/tests/support/doctest_main.o
	@mkdir -p $(@D); $(CXX) $(LDFLAGS) -o $@ $^ -lssl -lcrypto
SELFTEST := $(BUILD)/tests/support/selftest/whole.o
$(eval $(call TOGETHER,$(SELFTEST),$(wildcard tests/support/selftest/*.cc)))
$(BUILD)/tests/support_selftest: $(SELFTEST) $(SUPPORT) $(BUILD)/tests/support/doctest_main.o
	@mkdir -p $(@D); $(CXX) $(LDFLAGS) -o $@ $^ -lssl -lcrypto

# The crash test: what is loaded in front of the C library, and who plays back what it wrote down. _FORTIFY_SOURCE would
# define some of the functions that the former replaces.
CRASH          := $(BUILD)/tests/crash/whole.o
$(eval $(call TOGETHER,$(CRASH),$(filter-out %/recorder.cc %/exercise.cc,$(wildcard tests/crash/*.cc))))
CRASH_RECORDER := $(BUILD)/tests/crash_recorder.so
$(BUILD)/tests/crash/recorder.o: CXXFLAGS += -fPIC -U_FORTIFY_SOURCE
$(CRASH_RECORDER): $(BUILD)/tests/crash/recorder.o
	@mkdir -p $(@D); $(CXX) -fuse-ld=lld -pthread -shared -o $@ $<
$(BUILD)/tests/crash_exercise: $(BUILD)/tests/crash/exercise.o
	@mkdir -p $(@D); $(CXX) $(LDFLAGS) -o $@ $<
$(BUILD)/tests/crash_tests: $(CRASH) $(SUPPORT) $(BUILD)/tests/support/doctest_main.o $(foreach r,cache meter oci base,$(call LIBRARY,$(r)))
	@mkdir -p $(@D); $(CXX) $(LDFLAGS) -o $@ $^ $(LIBS)

# What an end-to-end test puts between a client and weir.
TAP := $(BUILD)/tests/e2e/tap
$(TAP): $(BUILD)/tests/e2e/tap.o $(SUPPORT)
	@mkdir -p $(@D); $(CXX) $(LDFLAGS) -o $@ $^ -lssl -lcrypto

TEST_BINS := $(UNIT_BINS) $(BUILD)/tests/support_selftest $(BUILD)/tests/scenario_tests
tests: $(BUILD)/weir $(TEST_BINS)
units: $(UNIT_BINS)
unit: units
	tests/run.sh $(UNIT_BINS)
scenario: $(BUILD)/weir $(BUILD)/tests/scenario_tests
	WEIR=$(BUILD)/weir tests/run.sh $(BUILD)/tests/scenario_tests
crash: $(BUILD)/weir $(CRASH_RECORDER) $(BUILD)/tests/crash_exercise $(BUILD)/tests/crash_tests
	WEIR=$(BUILD)/weir WEIR_CRASH_RECORDER=$(CRASH_RECORDER) TEST_PARTS=8 TEST_JOBS=2 tests/run.sh $(BUILD)/tests/crash_tests
e2e: $(BUILD)/weir $(TAP)
	WEIR=$(BUILD)/weir TAP=$(TAP) tests/e2e/run.sh

# Every suite: lint; unit tests under asan+ubsan and tsan; scenario tests in release as well; crashes; real clients; fuzz corpora.
check:
	tests/check.sh
check-long:
	CHECK_LONG=1 tests/check.sh

bench: $(BUILD)/weir
	BUILD=$(BUILD) tests/bench/run.sh
# What password guesses cost those who only pull.
bench-guesses: $(BUILD)/weir
	BUILD=$(BUILD) tests/bench/guesses.sh
# What the cache would have answered under other policies; a minute, and no server.
EVICTION := $(patsubst %.cc,$(BUILD)/%.o,$(wildcard tests/bench/eviction/*.cc) cache/eviction.cc)
$(BUILD)/tests/bench_eviction: $(EVICTION)
	@mkdir -p $(@D); $(CXX) $(LDFLAGS) -o $@ $^
bench-eviction: $(BUILD)/tests/bench_eviction
	$< $(SEEDS)
# Decisions with 10, 1,000 and 100,000 rules.
$(BUILD)/tests/bench_policy: $(patsubst %.cc,$(BUILD)/%.o,$(wildcard tests/bench/policy/*.cc)) $(foreach r,policy meter oci base,$(call LIBRARY,$(r)))
	@mkdir -p $(@D); $(CXX) $(LDFLAGS) -o $@ $^ $(LIBS)
bench-policy: $(BUILD)/tests/bench_policy
	$< $(RULES)
# A store of N blobs below DIR: start, memory, lookups, eviction. FILES=no: records only.
STORE := $(patsubst %.cc,$(BUILD)/%.o,$(wildcard tests/bench/store/*.cc))
$(BUILD)/tests/bench_store: $(STORE) $(foreach r,cache meter oci base,$(call LIBRARY,$(r)))
	@mkdir -p $(@D); $(CXX) $(LDFLAGS) -o $@ $^ $(LIBS)
bench-store: $(BUILD)/tests/bench_store
	$< $(or $(N),1000000) $(or $(DIR),build/bench-store) $(or $(FILES),yes)

# A year of usage below DIR: how large its ledger is, and how long reports of it take.
$(BUILD)/tests/bench_report: $(BUILD)/tests/bench/report/main.o $(foreach r,meter oci base,$(call LIBRARY,$(r)))
	@mkdir -p $(@D); $(CXX) $(LDFLAGS) -o $@ $^ $(LIBS)
bench-report: $(BUILD)/tests/bench_report
	$< $(or $(DIR),build/bench-report) $(HOURS) $(SERIES)

# Instructions of a scripted hit, tag hit, miss, join and decision, counted by callgrind and compared with the figures in the tree.
# UPDATE=1 writes the figures.
INSTRUCTIONS := tests/bench/instructions
$(BUILD)/tests/bench_instructions: $(patsubst %.cc,$(BUILD)/%.o,$(wildcard $(INSTRUCTIONS)/*.cc)) $(SUPPORT)
	@mkdir -p $(@D); $(CXX) $(LDFLAGS) -o $@ $^ -lssl -lcrypto
# Valgrind cannot read the debug information of this compiler.
$(BUILD)/tests/weir_without_debug: $(BUILD)/weir
	llvm-objcopy-19 --strip-debug $< $@
bench-instructions: $(BUILD)/tests/weir_without_debug $(BUILD)/tests/bench_instructions
	WEIR=$< $(BUILD)/tests/bench_instructions $(INSTRUCTIONS)/expected.tsv $(if $(UPDATE),--update)

# The fuzzers share asan's objects: one build of the program less.
FUZZERS := $(patsubst tests/fuzz/%.cc,build/asan/tests/fuzz_%,$(wildcard tests/fuzz/*.cc))
fuzz:
	$(MAKE) MODE=asan fuzzers
	tests/fuzz/run.sh $(FUZZERS)
fuzzers: $(FUZZERS)
build/asan/tests/fuzz/%.o: CXXFLAGS += $(FUZZED_asan)
build/asan/tests/fuzz_%: build/asan/tests/fuzz/%.o $(ARCHIVES)
	@mkdir -p $(@D); $(CXX) $(LDFLAGS) -fsanitize=fuzzer -o $@ $< $(ARCHIVES) $(LIBS)

# ---- running -----------------------------------------------------------------------------------
run: $(BUILD)/weir
	$(BUILD)/weir serve --config conf/weir.conf --set cache.directory=build/store $(RUN_FLAGS)
demo: $(BUILD)/weir
	WEIR=$(BUILD)/weir tests/e2e/demo.sh

# ---- keeping house -----------------------------------------------------------------------------
lint:
	tools/lint
format:
	clang-format-19 -i $$(git ls-files '*.cc' '*.h')

# ---- shipping ----------------------------------------------------------------------------------
PREFIX ?= /usr
install: $(BUILD)/weir
	install -D -m 755 $(BUILD)/weir $(DESTDIR)$(PREFIX)/bin/weir
	install -D -m 644 conf/weir.conf $(DESTDIR)/etc/weir/weir.conf
	install -D -m 644 conf/prices.rules $(DESTDIR)$(PREFIX)/share/doc/weir/prices.rules
	install -D -m 644 conf/policy.rules $(DESTDIR)/etc/weir/policy.rules
	install -D -m 644 systemd/weir.service $(DESTDIR)$(PREFIX)/lib/systemd/system/weir.service
	install -D -m 644 systemd/weir.socket $(DESTDIR)$(PREFIX)/lib/systemd/system/weir.socket
	install -D -m 644 README.md $(DESTDIR)$(PREFIX)/share/doc/weir/README.md
	install -D -m 644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/weir/copyright
deb: $(BUILD)/weir
	tools/make-deb $(BUILD)

clean:
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
