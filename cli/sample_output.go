package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/npy"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/train"
	"github.com/unnoise/unnoise/engine/viz"
)

// gifFrames is the most pictures an animation has.
const gifFrames = 60

// sampleOutput writes samples as the names of the outputs say.
type sampleOutput struct {
	path, gif string
	points    bool
	times     []int                 // timestep after each step of the chain
	frames    map[int]*model.Images // by step of the chain
	shown     []int                 // the steps that the animation shows
}

func extension(path string) string { return strings.ToLower(filepath.Ext(path)) }

// checkOutName refuses names whose extension promises another format, and streams.
func checkOutName(path string) error {
	if path == "-" {
		return usagef("--out -: samples are not written to standard output; give a .png, a .npy or a folder (./- for one of that name)")
	}
	if stat, err := os.Stat(path); err == nil && !stat.IsDir() && !stat.Mode().IsRegular() {
		return usagef("--out %s is neither a file nor a folder: samples are written to a .png, a .npy or a folder", path)
	}
	switch extension(path) {
	case "", ".png", ".npy":
		return nil
	case ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".npz", ".pt", ".csv", ".safetensors":
		return usagef("--out %s: %s is not written; want a .png, a .npy or a folder", path, extension(path))
	}
	return nil
}

// isFolder reports whether --out names a folder.
func isFolder(path string) bool { e := extension(path); return e != ".png" && e != ".npy" }

// newSampleOutput checks that everything asked for can be drawn and written.
func newSampleOutput(path, gif string, m *model.Model, o *sample.Options) (*sampleOutput, error) {
	out := &sampleOutput{path: path, gif: gif, points: m.Points(), frames: map[int]*model.Images{}}
	switch {
	case out.points && isFolder(path):
		return nil, usagef("--out %s: a folder of pictures is for images; points go to a .png (scatter plot) or a .npy", path)
	case out.points && m.C != 2 && (extension(path) == ".png" || gif != ""):
		return nil, usagef("points of %d dimensions cannot be drawn: use --out FILE.npy", m.C)
	case !out.points && m.C != 1 && m.C != 3 && (extension(path) != ".npy" || gif != ""):
		return nil, usagef("samples of %d channels cannot be drawn: use --out FILE.npy", m.C)
	}
	check := checkWritable
	if isFolder(path) {
		check = checkNewFolder
	}
	if err := check(path); err != nil {
		return nil, err
	}
	if gif == "" {
		return out, nil
	}
	h, w := m.H, m.W
	if o.Noise != nil {
		h, w = o.Noise.H, o.Noise.W
	}
	for _, s := range o.Table.Steps {
		out.times = append(out.times, int(s.TPrev)+1)
	}
	out.shown = viz.Frames(len(o.Table.Steps), gifFrames)
	for _, i := range out.shown {
		out.frames[i] = model.NewImages(o.N, h, w, m.C)
	}
	return out, checkWritable(gif)
}

// checkWritable reports why a file cannot be made: it makes and removes a temporary one beside it.
func checkWritable(path string) error {
	if stat, err := os.Stat(path); err == nil && stat.IsDir() {
		return fmt.Errorf("%s is a folder, want a file to write", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".unnoise-tmp-*")
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", path, reason(err))
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// reason is the cause of a file error without the name of a temporary file.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", filepath.Dir(p.Path), p.Err)
	}
	return err
}

// checkNewFolder reports why a folder of pictures cannot be made: it may exist, but empty.
func checkNewFolder(path string) error {
	entries, err := os.ReadDir(path)
	switch {
	case err == nil && len(entries) > 0:
		return fmt.Errorf("%s exists and is not empty: choose another --out", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return checkWritable(filepath.Join(filepath.Dir(filepath.Clean(path)), "x"))
}

// frame keeps what the animation shows.
func (s *sampleOutput) frame(first, step int, x *model.Images) error {
	if all, ok := s.frames[step]; ok {
		copy(all.Rows(first, first+x.N).Data, x.Data)
	}
	return nil
}

// write writes the samples and the animation.
func (s *sampleOutput) write(x *model.Images) error {
	var err error
	switch {
	case extension(s.path) == ".npy":
		err = npy.WriteFile(s.path, x.Dense(s.points))
	case isFolder(s.path):
		err = writeFolder(s.path, x)
	default:
		err = train.WritePicture(s.path, x, s.points)
	}
	if err != nil || s.gif == "" {
		return err
	}
	return s.writeGIF()
}

// writeFolder writes a PNG an image; the folder appears complete.
func writeFolder(path string, x *model.Images) error {
	path = filepath.Clean(path)
	temp, err := os.MkdirTemp(filepath.Dir(path), ".unnoise-tmp-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	pictures := filepath.Join(temp, "pictures") // the umask decides who may read it, temp is its owner's
	if err := os.Mkdir(pictures, 0o777); err != nil {
		return err
	}
	for i := range x.N {
		img, err := viz.Grid(picture(x.Rows(i, i+1)), viz.GridOptions{Scale: 1, Gap: -1})
		if err != nil {
			return fmt.Errorf("sample %d: %w", i, err)
		}
		if err := viz.WritePNG(filepath.Join(pictures, fmt.Sprintf("%05d.png", i)), img); err != nil {
			return err
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(pictures, path)
}

// picture converts to what viz draws.
func picture(x *model.Images) viz.Images {
	d := x.Dense(false)
	return viz.Images{Data: d.Data().([]float32), N: x.N, C: x.C, H: x.H, W: x.W}
}

func (s *sampleOutput) writeGIF() error {
	if s.points {
		var frames []viz.Snapshot
		for _, i := range s.shown {
			frames = append(frames, viz.Snapshot{Label: fmt.Sprintf("t = %d", s.times[i]), XY: s.frames[i].Data})
		}
		g, err := viz.AnimatePoints(frames, viz.AnimationOptions{})
		if err != nil {
			return err
		}
		return viz.WriteGIF(s.gif, g)
	}
	var frames []viz.Images
	for _, i := range s.shown {
		frames = append(frames, picture(s.frames[i]))
	}
	g, err := viz.AnimateImages(frames, viz.AnimationOptions{})
	if err != nil {
		return err
	}
	return viz.WriteGIF(s.gif, g)
}
