//go:build !(cuda && cgo)

package driver

import "github.com/unnoise/unnoise/cuda"

func init() {
	cuda.Register("cuda", func(string) (cuda.Device, error) { return nil, absent("Open") })
}

func absent(call string) error {
	return &cuda.Error{Code: cuda.NoDriver, Call: call, Detail: "this program was built without the GPU driver interface",
		Advice: "build it with make, which sets -tags cuda, on a machine with a C compiler; or use --device cpu"}
}

// Inspect says what the driver offers. This program has none.
func Inspect() Status { return Status{Err: absent("Inspect")} }
