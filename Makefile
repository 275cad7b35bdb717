# make            builds bin/unnoise; make BLAS=openblas or BLAS=gonum with another matrix product than its own
# make demo       builds, trains the swiss roll and draws it (runs/demo)
# make test       the tests, at most 4 minutes on 2 quiet cores
# make help       the other targets

GO          ?= go
CC          ?= cc
STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
SHORT        = -short -timeout 30m
LONG         = -timeout 60m
KERNELS      = --out kernels/ptx -I kernels/include --strict kernels
TEST_KERNELS = cuda/emu/testdata/kernels

# The packages whose results depend on the BLAS that is built in.
BLAS_PACKAGES = ./kernels/attention ./kernels/conv ./kernels/linear ./engine/graph ./engine/model ./engine/train

# Tests of CUDA kernels, on which no BLAS has an influence.
NO_BLAS = 'Sabotage|OnDevice|^TestDevice|Work|Layers|.*/^cuda$$'

# With a C compiler the GPU's driver is built in (build tag cuda): package cuda/driver says what the flags are for.
DRIVER := $(shell CC='$(CC)' CGO_ENABLED='$(CGO_ENABLED)' scripts/compiler.sh && echo yes)
OPENBLAS := $(if $(DRIVER),$(shell CC='$(CC)' scripts/openblas.sh && echo yes))
ifeq ($(OPENBLAS),yes)
WITH_OPENBLAS = -tags openblas
endif
ifeq ($(DRIVER),yes)
WITH_DRIVER = -tags cuda
EMPTY_ARCHIVE = build/driver/libcuda.a
export CGO_ENABLED := 1
export CGO_CFLAGS := -g -O2 -I$(CURDIR)/cuda/driver/include
# Libraries of which nothing is used are not linked: OpenBLAS is only in programs with its tag, libcuda in none.
export CGO_LDFLAGS := -Wl,--as-needed -L$(CURDIR)/build/driver $(if $(WITH_OPENBLAS),-lopenblas)
endif

# The project's own matrix product needs AVX2: elsewhere OpenBLAS is taken where it is found.
ifneq ($(shell uname -m),x86_64)
BLAS ?= $(if $(WITH_OPENBLAS),openblas)
endif
comma = ,
TAGS = $(addprefix -tags ,$(subst $() ,$(comma),$(strip $(if $(WITH_DRIVER),cuda) $(BLAS))))

# A build in pure Go, whatever is installed.
PLAIN = env -u CGO_CFLAGS -u CGO_LDFLAGS CGO_ENABLED=0

all: found build ## build bin/unnoise and say what was found

build: $(EMPTY_ARCHIVE)
	$(GO) build $(TAGS) -o bin/unnoise ./cli/unnoise

# Satisfies the -lcuda of gorgonia.org/cu with nothing.
build/driver/libcuda.a:
	@mkdir -p $(@D)
	@printf '!<arch>\n' >$@

found: ## say what this machine has of what unnoise can use
	@CC='$(CC)' OPENBLAS='$(OPENBLAS)' scripts/found.sh

demo: found build ## train the swiss roll (under two minutes on 2 cores), measure it and draw it in runs/demo
	rm -rf runs/demo
	bin/unnoise train --preset swissroll --out runs/demo
	bin/unnoise evaluate --model runs/demo

test: found $(EMPTY_ARCHIVE) ## the short tests: plain build, and with the driver and OpenBLAS where they can be built in
	$(PLAIN) $(GO) build ./...
	$(PLAIN) $(GO) test $(SHORT) ./...
ifeq ($(DRIVER),yes)
	$(GO) test $(SHORT) $(WITH_DRIVER) ./cuda/driver/...
endif
ifeq ($(OPENBLAS),yes)
	$(GO) test $(SHORT) $(WITH_OPENBLAS) -skip $(NO_BLAS) $(BLAS_PACKAGES)
endif

test-all: found $(EMPTY_ARCHIVE) ## all tests, the long ones too
	$(PLAIN) $(GO) test $(LONG) ./...
ifeq ($(DRIVER),yes)
	$(GO) test $(LONG) $(WITH_DRIVER) ./cuda/driver/...
endif
ifeq ($(OPENBLAS),yes)
	$(GO) test $(LONG) $(WITH_OPENBLAS) -skip $(NO_BLAS) $(BLAS_PACKAGES)
endif

race: $(EMPTY_ARCHIVE) ## the race detector where goroutines share data (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race $(SHORT) ./kernels/cpu ./engine/exec ./engine/data ./engine/checkpoint ./cli
ifeq ($(DRIVER),yes)
	$(GO) test -race $(SHORT) $(WITH_DRIVER) ./cuda/driver
endif

vet: $(EMPTY_ARCHIVE) ## go vet, plain, with the driver and with OpenBLAS
	$(PLAIN) $(GO) vet ./...
ifeq ($(DRIVER),yes)
	$(GO) vet $(WITH_DRIVER) ./cuda/driver/... ./cli/unnoise
endif
ifeq ($(OPENBLAS),yes)
	$(GO) vet $(WITH_OPENBLAS) ./kernels/blas ./cli/unnoise
endif

cross: ## build in pure Go for other systems; vet the one that is least like Linux
	for target in windows/amd64 darwin/arm64 linux/arm64; do \
		echo "$$target"; \
		GOOS=$${target%/*} GOARCH=$${target#*/} $(PLAIN) $(GO) build ./... || exit 1; \
	done
	GOOS=windows GOARCH=amd64 $(PLAIN) $(GO) vet ./...

soak: ## trials of hours: fuzz every parser, kill runs, the long tests; writes docs/soak.md (FUZZTIME=10m, ROUNDS=3)
	GO='$(GO)' scripts/soak.sh $(or $(FUZZTIME),10m) $(or $(ROUNDS),3)

fmt-check: ## gofmt
	@unformatted=$$(gofmt -l bench cli cuda engine internal kernels scripts); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w on:"; echo "$$unformatted"; exit 1; fi

staticcheck: $(EMPTY_ARCHIVE) ## staticcheck, at a pinned version
	$(PLAIN) $(GO) run $(STATICCHECK) ./...
ifeq ($(DRIVER),yes)
	$(GO) run $(STATICCHECK) $(WITH_DRIVER) ./cuda/driver/...
endif

toolkit: ## unpack nvcc into build/cuda (Debian, x86_64; about 1 GB)
	scripts/toolkit.sh

ptx: toolkit ## recompile the PTX whose sources changed
	scripts/ptx.sh $(KERNELS)
	scripts/ptx.sh $(TEST_KERNELS)

ptx-test: toolkit ## recompile all PTX and compare it with what is committed
	scripts/ptx.sh --check $(KERNELS)
	scripts/ptx.sh --check $(TEST_KERNELS)

sass-test: toolkit ## look at the machine code of the tensor-core loops
	scripts/sass.sh

header-check: toolkit ## compare the project's cuda.h with the toolkit's
	CC='$(CC)' GO='$(GO)' scripts/header.sh

one-binary: $(EMPTY_ARCHIVE) ## show that the program with the driver runs anywhere (needs a C compiler)
	CC='$(CC)' GO='$(GO)' scripts/onebinary.sh

fuzz: ## fuzz every parser for 10 minutes each (FUZZTIME=1m for less)
	scripts/fuzz.sh $(or $(FUZZTIME),10m)

pack: $(EMPTY_ARCHIVE) ## pack binary, test binaries and PyTorch scripts for a GPU machine without Go (bench/README.md)
	DRIVER='$(DRIVER)' GO='$(GO)' scripts/pack.sh

clean: ## remove bin and the demo
	rm -rf bin runs/demo

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

.PHONY: cross soak fuzz all build found demo test test-all race vet fmt-check staticcheck toolkit ptx ptx-test sass-test header-check one-binary pack clean help
