package cuda

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Opener opens the device that a name's part after the colon selects; the part
// may be empty.
type Opener func(arg string) (Device, error)

var (
	openersMu sync.Mutex
	openers   = map[string]Opener{}
)

// Register makes a kind of device known to Open; implementations call it from
// an init function. A second registration of a kind replaces the first.
func Register(kind string, o Opener) {
	openersMu.Lock()
	defer openersMu.Unlock()
	openers[kind] = o
}

// Kinds lists the registered kinds, sorted.
func Kinds() []string {
	openersMu.Lock()
	defer openersMu.Unlock()
	var kinds []string
	for k := range openers {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}

// Open opens a device by name: "cuda", "cuda:1", "emu", "emu:h100".
func Open(name string) (Device, error) {
	kind, arg, _ := strings.Cut(name, ":")
	openersMu.Lock()
	o := openers[kind]
	openersMu.Unlock()
	if o == nil {
		advice := fmt.Sprintf("this program has %s", strings.Join(Kinds(), ", "))
		if kind == "cuda" {
			advice += "; GPUs need a program built with -tags cuda, which make does"
		}
		return nil, &Error{Code: InvalidDevice, Call: "Open", Detail: fmt.Sprintf("no kind of device %q", kind), Advice: advice}
	}
	return o(arg)
}
