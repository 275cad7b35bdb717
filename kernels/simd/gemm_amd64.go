package simd

import (
	"sync"

	"golang.org/x/sys/cpu"
)

// useAVX512 is set once at start.
var useAVX512 = useAVX2 && cpu.X86.HasAVX512F

func canGemm() bool { return useAVX2 }

// inner is a kernel for a fixed number of rows; see the generated declarations.
type inner func(a *float32, rowStride, step int, b, c *float32, pitch, k, add int)

// blocking is the shape of the inner kernel's tile and of the blocks that stay in cache.
type blocking struct {
	columns int // of a tile
	depth   int // of a packed strip: depth x columns floats stay in the first cache level
	rows    int // of A: rows x depth floats stay in the second cache level
	kernels []inner
}

// stripColumns is how many columns of B are packed at a time.
const stripColumns = 512

var (
	blockingAVX2 = blocking{columns: 16, depth: 256, rows: 120,
		kernels: []inner{gemmR1AVX2, gemmR2AVX2, gemmR3AVX2, gemmR4AVX2, gemmR5AVX2, gemmR6AVX2}}
	blockingAVX512 = blocking{columns: 32, depth: 192, rows: 144,
		kernels: []inner{gemmR1AVX512, gemmR2AVX512, gemmR3AVX512, gemmR4AVX512, gemmR5AVX512, gemmR6AVX512,
			gemmR7AVX512, gemmR8AVX512, gemmR9AVX512, gemmR10AVX512, gemmR11AVX512, gemmR12AVX512}}
)

// packed is the scratch memory of a product.
type packed struct {
	strip [stripColumns * 256]float32
	tile  [12 * 32]float32
}

var packedPool = sync.Pool{New: func() any { return new(packed) }}

// fewColumns is up to how many columns of C are computed one by one, as products of a matrix and a vector.
const fewColumns = 3

// run computes the product; add says whether C is added to.
func (g *product) run(add bool) {
	if g.n <= fewColumns && g.step == 1 && g.k <= len(packed{}.strip) {
		g.byColumn(add)
		return
	}
	bl := &blockingAVX2
	if useAVX512 && g.n > blockingAVX2.columns {
		bl = &blockingAVX512
	}
	buf := packedPool.Get().(*packed)
	defer packedPool.Put(buf)
	for j := 0; j < g.n; j += stripColumns {
		nb := min(stripColumns, g.n-j)
		for p := 0; p < g.k; p += bl.depth {
			kb := min(bl.depth, g.k-p)
			g.pack(buf.strip[:], bl.columns, p, kb, j, nb)
			for i := 0; i < g.m; i += bl.rows {
				g.block(bl, buf, i, min(bl.rows, g.m-i), j, nb, p, kb, add || p > 0)
			}
		}
	}
}

// byColumn computes each column of C from the rows of A, which are stored in order.
func (g *product) byColumn(add bool) {
	buf := packedPool.Get().(*packed)
	defer packedPool.Put(buf)
	if !add {
		scaleMatrix(g.c, g.m, g.n, g.ldc, 0)
	}
	for j := range g.n {
		x := buf.strip[:g.k]
		if g.transB {
			x = g.b[j*g.ldb : j*g.ldb+g.k]
		} else {
			for p := range x {
				x[p] = g.b[p*g.ldb+j]
			}
		}
		matrixVectorAVX2(&g.c[j], 4*g.ldc, &g.a[0], 4*g.rowStride, &x[0], g.m, g.k, g.alpha)
	}
}

// block multiplies rows i..i+mb-1 of A with the packed strip.
func (g *product) block(bl *blocking, buf *packed, i, mb, j, nb, p, kb int, add bool) {
	flag := 0
	if add {
		flag = 1
	}
	rows := len(bl.kernels)
	for jr := 0; jr < nb; jr += bl.columns {
		strip := &buf.strip[jr*kb]
		width := min(bl.columns, nb-jr)
		for ir := i; ir < i+mb; ir += rows {
			r := min(rows, i+mb-ir)
			a := &g.a[ir*g.rowStride+p*g.step]
			at := ir*g.ldc + j + jr
			if width == bl.columns {
				bl.kernels[r-1](a, 4*g.rowStride, 4*g.step, strip, &g.c[at], 4*g.ldc, kb, flag)
				continue
			}
			bl.kernels[r-1](a, 4*g.rowStride, 4*g.step, strip, &buf.tile[0], 4*bl.columns, kb, 0)
			for k := range r {
				row, tile := g.c[at+k*g.ldc:at+k*g.ldc+width], buf.tile[k*bl.columns:]
				if add {
					for x := range row {
						row[x] += tile[x]
					}
				} else {
					copy(row, tile)
				}
			}
		}
	}
}

// pack writes rows p..p+kb-1 and columns j..j+nb-1 of alpha op(B) as panels of width columns, the last filled up with zeros.
func (g *product) pack(strip []float32, width, p, kb, j, nb int) {
	for jr := 0; jr < nb; jr += width {
		panel, w := strip[jr*kb:jr*kb+kb*width], min(width, nb-jr)
		if w < width {
			clear(panel)
		}
		if g.transB {
			packTransposed(panel, width, g.b[(j+jr)*g.ldb+p:], g.ldb, w, kb)
			continue
		}
		for q := range kb {
			from := (p+q)*g.ldb + j + jr
			copy(panel[q*width:], g.b[from:from+w])
		}
	}
	if g.alpha != 1 {
		used := strip[:(nb+width-1)/width*width*kb]
		Scale(used, g.alpha, used)
	}
}

// packTransposed writes panel[q*width+x] = b[x*ldb+q] for x < w, q < kb.
func packTransposed(panel []float32, width int, b []float32, ldb, w, kb int) {
	squares, group := kb/8, 0
	if squares > 0 {
		for ; group+8 <= w; group += 8 {
			transpose8AVX2(&panel[group], 4*width, &b[group*ldb], 4*ldb, squares)
		}
	}
	for x := range w {
		from := 8 * squares
		if x >= group {
			from = 0
		}
		for q := from; q < kb; q++ {
			panel[q*width+x] = b[x*ldb+q]
		}
	}
}

// Unit names the vector unit that the package uses: "avx512" (the matrix product; AVX2 for the rest), "avx2" or "portable".
func Unit() string {
	switch {
	case useAVX512:
		return "avx512"
	case useAVX2:
		return "avx2"
	}
	return "portable"
}
