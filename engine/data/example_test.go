package data_test

import (
	"fmt"

	"github.com/unnoise/unnoise/engine/data"
)

// Batches of the swiss roll: the third batch of 4 is the same whoever asks for it.
func Example() {
	train, err := data.Generate("swissroll", 10000, 1, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	loader, err := data.NewLoader(train, data.LoaderConfig{Seed: 7})
	if err != nil {
		fmt.Println(err)
		return
	}
	batch, one := make([]float32, 4*2), make([]float32, 2)
	if err := loader.Batch(2*4, data.Batch{X: batch}); err != nil {
		fmt.Println(err)
		return
	}
	if err := loader.Batch(2*4+3, data.Batch{X: one}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(batch[6] == one[0], batch[7] == one[1])
	// Output:
	// true true
}
