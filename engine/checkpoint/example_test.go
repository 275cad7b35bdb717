package checkpoint_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/unnoise/unnoise/engine/checkpoint"
)

func Example() {
	dir, err := os.MkdirTemp("", "checkpoint")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")
	err = checkpoint.Write(path, checkpoint.FormatPT(), []checkpoint.Tensor{
		{Name: "conv_in.weight", Shape: []int{1, 2}, Data: []float32{0.5, -1}},
		{Name: "conv_in.bias", Shape: []int{1}, Data: []float32{3}},
	})
	if err != nil {
		log.Fatal(err)
	}
	f, err := checkpoint.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		values := make([]float32, info.Elements())
		if err := f.ReadFloat32(name, values); err != nil {
			log.Fatal(err)
		}
		fmt.Println(name, info.DType, info.Shape, values)
	}
	// Output:
	// conv_in.bias F32 [1] [3]
	// conv_in.weight F32 [1 2] [0.5 -1]
}
