package viz

import (
	"image/color"
	"math"
)

// The colours of every picture.
var (
	paper    = color.RGBA{0xff, 0xff, 0xff, 0xff}
	ink      = color.RGBA{0x26, 0x2b, 0x33, 0xff}
	faint    = color.RGBA{0xd5, 0xd9, 0xdf, 0xff}
	muted    = color.RGBA{0x7a, 0x82, 0x8e, 0xff}
	accent   = color.RGBA{0x2b, 0x6c, 0xb0, 0xff}
	contrast = color.RGBA{0xdd, 0x6b, 0x20, 0xff}
)

// spectrum runs from violet over blue, green and amber to red with steadily
// changing hue and middling lightness, so that every colour shows on white.
var spectrum = []color.RGBA{
	{0x4b, 0x2a, 0x8c, 0xff}, {0x2f, 0x5f, 0xb8, 0xff}, {0x14, 0x8f, 0xa3, 0xff},
	{0x3d, 0xa3, 0x5d, 0xff}, {0xd9, 0xa4, 0x1e, 0xff}, {0xd6, 0x4f, 0x2a, 0xff},
}

// spectrumAt returns the colour at u in [0, 1].
func spectrumAt(u float64) color.RGBA {
	if math.IsNaN(u) {
		u = 0
	}
	u = min(max(u, 0), 1) * float64(len(spectrum)-1)
	i := min(int(u), len(spectrum)-2)
	return mix(spectrum[i], spectrum[i+1], u-float64(i))
}

// mix returns a + (b - a) u for each channel.
func mix(a, b color.RGBA, u float64) color.RGBA {
	f := func(p, q uint8) uint8 { return uint8(math.Round(float64(p) + (float64(q)-float64(p))*u)) }
	return color.RGBA{f(a.R, b.R), f(a.G, b.G), f(a.B, b.B), 0xff}
}
