package train

import (
	"fmt"
	"image"

	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/viz"
)

// Drawable reports whether WritePicture draws samples of so many channels: images of 1 or 3, points
// of 2 or more coordinates.
func Drawable(channels int, points bool) bool {
	if points {
		return channels >= 2
	}
	return channels == 1 || channels == 3
}

// WritePicture writes samples as a PNG: a grid of images, a scatter plot of 2-D points, or a matrix of
// scatter plots of points of more dimensions.
func WritePicture(path string, x *model.Images, points bool) error {
	if !Drawable(x.C, points) {
		return fmt.Errorf("%s: samples of %d channels cannot be drawn", path, x.C)
	}
	if points {
		img, err := scatter(x)
		if err != nil {
			return err
		}
		return viz.WritePNG(path, img)
	}
	d := x.Dense(false)
	img, err := viz.Grid(viz.Images{Data: d.Data().([]float32), N: x.N, C: x.C, H: x.H, W: x.W}, viz.GridOptions{})
	if err != nil {
		return err
	}
	return viz.WritePNG(path, img)
}

func scatter(x *model.Images) (image.Image, error) {
	if x.C == 2 {
		return viz.Scatter(x.Data)
	}
	return viz.ScatterMatrix(x.Data, x.C)
}
