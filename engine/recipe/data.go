package recipe

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/nn"
)

// Data is what to learn. Pictures are brought to the network's sample_size and in_channels.
type Data struct {
	Source    string `toml:"source"`     // a folder, an archive, a .npy or .npz file, or the name of a 2-D set: see data.OpenSet
	NumPoints int    `toml:"num_points"` // of a 2-D set
	Seed      uint64 `toml:"seed"`       // of a 2-D set, and of the held-out part of sets that bring none
	Flip      bool   `toml:"flip"`       // mirror images at random

	Layout  string `toml:"layout"`   // of .npy and .npz images: auto, nhwc or nchw
	SkipBad bool   `toml:"skip_bad"` // leave out pictures that cannot be read; they are looked for before training

	Workers  int `toml:"workers"`  // goroutines that make a batch; 0: one a processor
	Prefetch int `toml:"prefetch"` // batches made in advance
	CacheMB  int `toml:"cache_mb"` // memory for decoded pictures, in MB (10^6 bytes)
}

// generated reports whether the source is the name of a 2-D set, not a place of files.
func (d Data) generated() bool { return slices.Contains(data.PointSets(), d.Source) }

// WithSource returns the recipe with its data at a place. One that exists is made absolute, so that a
// run that is resumed in another directory finds it.
func (r *Recipe) WithSource(source string) *Recipe {
	at := *r
	at.Data.Source = source
	if _, err := os.Stat(source); err == nil && !at.Data.generated() {
		if path, err := filepath.Abs(source); err == nil {
			at.Data.Source = path
		}
	}
	return &at
}

// DataOptions returns what opens the recipe's data.
func (r *Recipe) DataOptions() (data.Options, error) {
	d := r.Data
	o := data.Options{Source: d.Source, Points: d.NumPoints, Seed: d.Seed, Layout: d.Layout, SkipBad: d.SkipBad, Workers: d.Workers,
		CacheBytes: int64(d.CacheMB) * 1e6}
	if d.CacheMB == 0 {
		o.CacheBytes = -1
	}
	cfg, err := r.NetworkConfig()
	if err != nil {
		return o, err
	}
	net, err := nn.New(cfg)
	if err != nil {
		return o, err
	}
	o.Channels, _ = cfg.Channels()
	sig := net.Signature()
	if o.Height, o.Width = sig.H, sig.W; o.Height == 0 {
		o.Height, o.Width = defaultSize, defaultSize
	}
	return o, nil
}

// defaultSize is the side of samples of networks whose configuration names none, as in engine/model.
const defaultSize = 32
