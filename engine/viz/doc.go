// Package viz draws the pictures of a diffusion model: grids of samples, loss
// curves, the forward and reverse process of points in the plane, and
// animations of the reverse process. Arguments are plain arrays; pictures are
// image.Image values that WritePNG and WriteGIF put into files.
package viz
