# SPDX-License-Identifier: LGPL-2.1-or-later
#
#   make            programs and library in build/            make install DESTDIR= prefix=/usr
#   make unit       unit tests, layers, corpus replay         make unit SAN=address,undefined
#   make check      everything that README promises           make demo
#   make fuzz       libFuzzer, SECONDS_EACH per target        make bench
#
# Adding a file is adding a file. Every tree of objects is its own: SAN= and CC= never mix.

prefix  ?= /usr
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
PKG     ?= pkg-config
comma   := ,
space   := $(subst ,, )
O       ?= build$(if $(filter-out gcc,$(CC)),-$(CC))$(if $(SAN),-$(subst $(comma),-,$(SAN)))
VERSION := 0.1.0

DEPS := gcc clang llvm lld libclang-rt-dev make pkg-config git ca-certificates \
        libsystemd-dev libsodium-dev libyaml-dev libevent-dev libgnutls28-dev libngtcp2-dev \
        libngtcp2-crypto-gnutls-dev libwslay-dev libhttp-parser-dev libc-ares-dev libprotobuf-c-dev protobuf-c-compiler libcmocka-dev libjansson-dev \
        systemd systemd-container dbus polkitd mmdebstrap nftables iproute2 procps psmisc openssh-client openssh-server man-db \
        python3 util-linux nginx openssl
# for the peers of the interop matrix: what is there already may be newer and from elsewhere
DEPS_PEERS := golang-go=go npm=npm

LIBS_P2P     := libsodium libevent_core libprotobuf-c libcares gnutls libngtcp2 libngtcp2_crypto_gnutls
LIBS_SERVICE := libsystemd yaml-0.1

WARN  := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith -Wvla -Werror
BASE  := -std=gnu11 $(WARN) -fvisibility=hidden -fPIE -MMD -MP -D_GNU_SOURCE -DPEERUP_VERSION='"$(VERSION)"' \
         -DPEERUP_LIBEXEC='"$(prefix)/libexec/peerup"' \
         -Ilib/p2p/include -Ilib/p2p -Ilib -I. -I$(O)/proto
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
CFLAGS  ?= $(if $(SAN),-O1,-O2) -g
HARDEN  := $(if $(SAN),,-D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection)
LDHARD  := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LDFAST  := $(if $(wildcard /usr/bin/ld.lld),-fuse-ld=lld) # hundreds of tests, in a quarter of the time
PKGCFLAGS := $(shell $(PKG) --cflags $(LIBS_P2P) $(LIBS_SERVICE) jansson cmocka 2>/dev/null)
PKGLIBS   = $(shell $(PKG) --libs $(1)) -lwslay -lhttp_parser # which have no .pc

PROTO   := $(wildcard lib/p2p/*/*.proto)
PROTO_C := $(PROTO:lib/p2p/%.proto=$(O)/proto/%.pb-c.c)
P2P_OBJ := $(patsubst %.c,$(O)/%.o,$(wildcard lib/p2p/*/*.c)) $(PROTO_C:.c=.o)
SVC_OBJ := $(patsubst %.c,$(O)/%.o,$(wildcard lib/service/*.c))
obj      = $(patsubst %.c,$(O)/%.o,$(filter-out $(1)/main.c,$(wildcard $(1)/*.c)))

# folder of a program with a main.c -> its name
PROGRAMS := $(if $(wildcard daemon/main.c),$(O)/peerup-daemon) \
            $(if $(wildcard daemon/proxy/main.c),$(O)/peerup-proxy) \
            $(if $(wildcard daemon/generator/main.c),$(O)/peerup-generator) \
            $(if $(wildcard relay/main.c),$(O)/peerup-relay) \
            $(if $(wildcard cli/main.c),$(O)/peerupctl)
ARCHIVES := $(O)/libpeerup-daemon.a $(O)/libpeerup-proxy.a $(O)/libpeerup-generator.a $(O)/libpeerup-relay.a $(O)/libpeerup-cli.a

UNIT  := $(patsubst tests/unit/%.c,$(O)/unit/%,$(wildcard tests/unit/*/test-*.c))
FUZZ  := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz-*.c))
SUPPORT := $(patsubst %.c,$(O)/%.o,$(wildcard tests/support/*.c))
tools_of = $(patsubst tests/$(1)/%.c,$(O)/tests/%,$(wildcard tests/$(1)/*.c))
TOOLS := $(call tools_of,interop) $(call tools_of,bench) $(call tools_of,integration)

# No built-in rules, and static patterns below: make looks for nothing that is not there.
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:

# V=1 shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),:,printf '  %-4s %s\n')

all: $(O)/libp2pnet.a $(O)/p2pnet.pc $(PROGRAMS)

tools: $(TOOLS)

# ---- compiling
$(O)/proto/%.pb-c.c $(O)/proto/%.pb-c.h &: lib/p2p/%.proto
	@mkdir -p $(@D)
	@$(say) PB $@
	$(Q)protoc-c --proto_path=lib/p2p --c_out=$(O)/proto $<

$(O)/proto/%.pb-c.o: $(O)/proto/%.pb-c.c
	$(Q)$(CC) -std=gnu11 -O2 -g -fPIE -w $(SANFLAGS) -I$(O)/proto $(PKGCFLAGS) -c $< -o $@

$(O)/%.o: %.c | $(PROTO_C:.c=.h)
	@mkdir -p $(@D)
	@$(say) CC $@
	$(Q)$(CC) $(BASE) $(HARDEN) $(SANFLAGS) $(CFLAGS) $(PKGCFLAGS) -c $< -o $@

$(O)/libp2pnet.a: $(P2P_OBJ)
$(O)/libservice.a: $(SVC_OBJ)
$(O)/libpeerup-daemon.a: $(call obj,daemon)
$(O)/libpeerup-proxy.a: $(call obj,daemon/proxy)
$(O)/libpeerup-generator.a: $(call obj,daemon/generator)
$(O)/libpeerup-relay.a: $(call obj,relay)
$(O)/libpeerup-cli.a: $(call obj,cli)
$(O)/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $^

link = @$(say) LD $@; $(CC) $(SANFLAGS) $(CFLAGS) $(LDHARD) $(3) -o $@ $(filter %.o,$(1)) $(filter-out %.o,$(1)) $(call PKGLIBS,$(2))

$(O)/peerup-daemon: $(O)/daemon/main.o $(O)/libpeerup-daemon.a $(O)/libservice.a $(O)/libp2pnet.a
	$(call link,$^,$(LIBS_P2P) $(LIBS_SERVICE))
$(O)/peerup-relay: $(O)/relay/main.o $(O)/libpeerup-relay.a $(O)/libservice.a $(O)/libp2pnet.a
	$(call link,$^,$(LIBS_P2P) $(LIBS_SERVICE))
$(O)/peerup-proxy: $(O)/daemon/proxy/main.o $(O)/libpeerup-proxy.a $(O)/libservice.a $(O)/libp2pnet.a
	$(call link,$^,$(LIBS_P2P) $(LIBS_SERVICE))
$(O)/peerup-generator: $(O)/daemon/generator/main.o $(O)/libpeerup-generator.a $(O)/libservice.a $(O)/libp2pnet.a
	$(call link,$^,$(LIBS_P2P) $(LIBS_SERVICE))
$(O)/peerupctl: $(O)/cli/main.o $(O)/libpeerup-cli.a $(O)/libservice.a $(O)/libp2pnet.a
	$(call link,$^,$(LIBS_P2P) $(LIBS_SERVICE) jansson)

$(O)/p2pnet.pc: Makefile
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(prefix)' 'Name: p2pnet' 'Description: libp2p stack in C' 'Version: $(VERSION)' \
	  'Requires: $(LIBS_P2P)' 'Cflags: -I$${prefix}/include' 'Libs: -L$${prefix}/lib -lp2pnet -lwslay -lhttp_parser' > $@

# ---- unit tests, layers, corpus
$(UNIT): $(O)/unit/%: $(O)/tests/unit/%.o $(SUPPORT) $(ARCHIVES) $(O)/libservice.a $(O)/libp2pnet.a
	@mkdir -p $(@D)
	$(call link,$^,$(LIBS_P2P) $(LIBS_SERVICE) jansson cmocka,$(LDFAST))

$(call tools_of,interop): $(O)/tests/%: $(O)/tests/interop/%.o
$(call tools_of,bench): $(O)/tests/%: $(O)/tests/bench/%.o
$(call tools_of,integration): $(O)/tests/%: $(O)/tests/integration/%.o
$(TOOLS): $(SUPPORT) $(O)/libservice.a $(O)/libp2pnet.a
	$(call link,$^,$(LIBS_P2P) $(LIBS_SERVICE))

$(FUZZ:%=$(O)/fuzz/%): $(O)/fuzz/%: $(O)/tests/fuzz/%.o $(O)/tests/fuzz/replay.o $(SUPPORT) $(ARCHIVES) $(O)/libservice.a $(O)/libp2pnet.a
	@mkdir -p $(@D)
	$(call link,$^,$(LIBS_P2P) $(LIBS_SERVICE) jansson,$(LDFAST))

unit: $(UNIT) $(FUZZ:%=$(O)/fuzz/%)
	tests/check-layers
	tests/run-units $(O)

# The same targets under libFuzzer, in a tree of their own.
fuzz:
	$(MAKE) fuzz-targets CC=clang SAN=fuzzer-no-link,address,undefined
	tests/fuzz/run build-clang-fuzzer-no-link-address-undefined $(or $(SECONDS_EACH),60)
fuzz-targets: $(FUZZ:%=$(O)/libfuzzer/%)
$(FUZZ:%=$(O)/libfuzzer/%): $(O)/libfuzzer/%: $(O)/tests/fuzz/%.o $(SUPPORT) $(ARCHIVES) $(O)/libservice.a $(O)/libp2pnet.a
	@mkdir -p $(@D)
	$(CC) -fsanitize=fuzzer,address,undefined $(CFLAGS) -o $@ $^ $(call PKGLIBS,$(LIBS_P2P) $(LIBS_SERVICE) jansson)

# ---- everything
deps:
	tests/install-deps $(DEPS)

check: deps
	tests/install-deps $(DEPS_PEERS)
	tests/check

check-debian13: deps
	tests/check debian13-root debian13-units debian13-lab
debian13-root debian13-units debian13-lab:
	@tests/debian13 $(@:debian13-%=%) $(DEPS)

demo: deps
	$(MAKE) all
	tests/lab/demo

bench: deps
	tests/install-deps $(DEPS_PEERS)
	$(MAKE) all tools
	tests/bench/run

# ---- installing
libexec := $(DESTDIR)$(prefix)/libexec/peerup
unitdir := $(DESTDIR)$(prefix)/lib/systemd/system
INSTALL_DATA = install -D -m 0644 $(1) $(2)

install: all
	install -D -m 0755 -t $(libexec) $(filter-out %/peerupctl %/peerup-generator,$(PROGRAMS))
	install -D -m 0755 $(O)/peerupctl $(DESTDIR)$(prefix)/bin/peerupctl
	install -D -m 0755 $(O)/peerup-generator $(DESTDIR)$(prefix)/lib/systemd/system-generators/peerup-generator
	for u in $(wildcard units/*.service units/*.socket units/*.path); do \
	  sed 's,/usr/libexec/,$(prefix)/libexec/,g' $$u | install -D -m 0644 /dev/stdin $(unitdir)/$${u##*/} || exit 1; done
	ln -sf peerup-daemon.service $(unitdir)/peerup.service
	$(call INSTALL_DATA,configs/peerup.sysusers.conf,$(DESTDIR)$(prefix)/lib/sysusers.d/peerup.conf)
	$(call INSTALL_DATA,configs/peerup.tmpfiles.conf,$(DESTDIR)$(prefix)/lib/tmpfiles.d/peerup.conf)
	$(call INSTALL_DATA,configs/peerup.sysctl.conf,$(DESTDIR)$(prefix)/lib/sysctl.d/50-peerup.conf)
	$(call INSTALL_DATA,configs/peerup.catalog,$(DESTDIR)$(prefix)/lib/systemd/catalog/peerup.catalog)
	install -D -m 0644 -t $(DESTDIR)$(prefix)/share/dbus-1/system.d $(wildcard dbus/*.conf)
	install -D -m 0644 -t $(DESTDIR)$(prefix)/share/dbus-1/interfaces $(wildcard dbus/*.xml)
	install -D -m 0644 -t $(DESTDIR)$(prefix)/share/polkit-1/actions $(wildcard polkit/*.policy)
	install -D -m 0644 -t $(DESTDIR)$(prefix)/share/polkit-1/rules.d $(wildcard polkit/*.rules)
	for m in $(wildcard man/*.[1-8]); do install -D -m 0644 $$m $(DESTDIR)$(prefix)/share/man/man$${m##*.}/$${m##*/} || exit 1; done

# The library for programs of one's own: static, without a promise about its ABI.
install-dev: $(O)/libp2pnet.a $(O)/p2pnet.pc
	$(call INSTALL_DATA,$(O)/libp2pnet.a,$(DESTDIR)$(prefix)/lib/libp2pnet.a)
	$(call INSTALL_DATA,$(O)/p2pnet.pc,$(DESTDIR)$(prefix)/lib/pkgconfig/p2pnet.pc)
	install -D -m 0644 -t $(DESTDIR)$(prefix)/include/p2p lib/p2p/include/p2p/*.h

uninstall:
	rm -rf $(libexec)
	rm -f $(DESTDIR)$(prefix)/bin/peerupctl $(DESTDIR)$(prefix)/lib/systemd/system-generators/peerup-generator
	rm -f $(patsubst units/%,$(unitdir)/%,$(wildcard units/*)) $(unitdir)/peerup.service
	rm -rf $(DESTDIR)$(prefix)/include/p2p $(DESTDIR)$(prefix)/lib/libp2pnet.a $(DESTDIR)$(prefix)/lib/pkgconfig/p2pnet.pc
	rm -f $(DESTDIR)$(prefix)/lib/sysusers.d/peerup.conf $(DESTDIR)$(prefix)/lib/tmpfiles.d/peerup.conf
	rm -f $(DESTDIR)$(prefix)/lib/sysctl.d/50-peerup.conf $(DESTDIR)$(prefix)/lib/systemd/catalog/peerup.catalog
	rm -f $(patsubst dbus/%.conf,$(DESTDIR)$(prefix)/share/dbus-1/system.d/%.conf,$(wildcard dbus/*.conf))
	rm -f $(patsubst dbus/%.xml,$(DESTDIR)$(prefix)/share/dbus-1/interfaces/%.xml,$(wildcard dbus/*.xml))
	rm -f $(patsubst polkit/%.policy,$(DESTDIR)$(prefix)/share/polkit-1/actions/%.policy,$(wildcard polkit/*.policy))
	rm -f $(patsubst polkit/%.rules,$(DESTDIR)$(prefix)/share/polkit-1/rules.d/%.rules,$(wildcard polkit/*.rules))
	for m in $(wildcard man/*.[1-8]); do rm -f $(DESTDIR)$(prefix)/share/man/man$${m##*.}/$${m##*/}; done

clean:
	rm -rf build build-*

.PHONY: all tools unit fuzz fuzz-targets deps check check-debian13 debian13-root debian13-units debian13-lab demo bench install install-dev uninstall clean
.SECONDARY:
.DELETE_ON_ERROR:

-include $(shell find $(O) -path $(O)/lab -prune -o -type f -name '*.d' -print 2>/dev/null)
