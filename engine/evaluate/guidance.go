package evaluate

import (
	"context"
	"fmt"

	"github.com/unnoise/unnoise/engine/data"
	"github.com/unnoise/unnoise/engine/exec"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/recipe"
	"github.com/unnoise/unnoise/engine/sample"
	"github.com/unnoise/unnoise/engine/sampler"
)

// GuidanceOptions are the sizes of a measurement of guidance; zero values take the defaults.
type GuidanceOptions struct {
	Weights    []float64 // of guidance; 1, 2, 3, 4, 6
	Samples    int       // for each weight, the classes in turn; 500
	Seed       uint64
	Table      *sampler.Table // nil: the recipe's sampler
	Classifier ClassifierOptions
	// Judged and After, if not nil, are called when the classifier is trained and with each row when it is measured.
	Judged func(*GuidanceReport)
	After  func(GuidanceRow)
}

// GuidanceReport says how often samples of a class are taken for that class by a classifier trained on the same data.
type GuidanceReport struct {
	Classes   int           `json:"classes"`
	Held      float64       `json:"classifier_accuracy"` // of the classifier on held-out images
	HeldCount int           `json:"classifier_images"`
	Sampler   string        `json:"sampler"`
	Rows      []GuidanceRow `json:"rows"`

	real float64 // spread of the held-out images
}

// GuidanceRow is one weight's result.
type GuidanceRow struct {
	Weight  float64 `json:"guidance"`
	Samples int     `json:"samples"`
	Right   int     `json:"right"`
	ByClass []int   `json:"right_by_class"`
	// Spread is the variance of samples inside their class, over that of held-out images: below 1 the samples of a class are more alike
	// than its images.
	Spread float64 `json:"spread"`
}

// Accuracy is the share of samples that are taken for their class.
func (r GuidanceRow) Accuracy() float64 { return float64(r.Right) / float64(r.Samples) }

// Best returns the row with the highest accuracy, the first of equals.
func (rep *GuidanceReport) Best() GuidanceRow {
	best := rep.Rows[0]
	for _, r := range rep.Rows {
		if r.Right > best.Right {
			best = r
		}
	}
	return best
}

// Guidance measures a class-conditional model trained by a recipe: it trains a classifier on the recipe's data, draws samples of every
// class at each weight, all from the same noise, and counts those that the classifier takes for their class.
func Guidance(ctx context.Context, mach exec.Executor, m *model.Model, r *recipe.Recipe, o GuidanceOptions) (*GuidanceReport, error) {
	l := m.Signature.Labels()
	if l.Kind != nn.ClassCondition || l.Named() == 0 || m.Points() {
		return nil, fmt.Errorf("the model is not conditioned on a list of classes of images: nothing to measure")
	}
	if o.Samples == 0 {
		o.Samples = 500
	}
	if len(o.Weights) == 0 {
		o.Weights = []float64{1, 2, 3, 4, 6}
	}
	for _, w := range o.Weights {
		if err := sample.CheckGuidance(m, w); err != nil {
			return nil, err
		}
	}
	opened, err := openData(r)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	set, held := opened.Train, opened.HeldOut
	if o.Samples < 2*set.Classes() {
		return nil, fmt.Errorf("%d samples of %d classes: want at least %d, two of each, for their spread", o.Samples, set.Classes(), 2*set.Classes())
	}
	if o.Table == nil {
		if o.Table, err = sample.Table(m, r.Sampler()); err != nil {
			return nil, err
		}
	}
	judge, err := TrainClassifier(ctx, mach, set, o.Classifier)
	if err != nil {
		return nil, err
	}
	rep := &GuidanceReport{Classes: set.Classes(), Sampler: o.Table.Name, HeldCount: min(held.Len(), 10000)}
	images, labels, err := first(held, rep.HeldCount)
	if err != nil {
		return nil, err
	}
	if rep.Held, err = judge.Accuracy(mach, images, labels); err != nil {
		return nil, err
	}
	rep.real = spread(images, labels, rep.Classes)
	if o.Judged != nil {
		o.Judged(rep)
	}
	for _, w := range o.Weights {
		row, err := rep.row(ctx, mach, m, judge, o, w)
		if err != nil {
			return nil, err
		}
		rep.Rows = append(rep.Rows, *row)
		if o.After != nil {
			o.After(*row)
		}
	}
	return rep, nil
}

// openData opens the recipe's data as training does.
func openData(r *recipe.Recipe) (*data.Set, error) {
	o, err := r.DataOptions()
	if err != nil {
		return nil, err
	}
	return data.OpenSet(o)
}

// row measures one weight.
func (rep *GuidanceReport) row(ctx context.Context, mach exec.Executor, m *model.Model, judge *Classifier, o GuidanceOptions, w float64) (*GuidanceRow, error) {
	s := sample.Options{N: o.Samples, Batch: min(o.Samples, judgeBatch), Seed: o.Seed, Table: o.Table, Guidance: w}
	for i := range o.Samples {
		s.Labels = append(s.Labels, int32(i%rep.Classes))
	}
	x, err := sample.Draw(ctx, m, mach, s)
	if err != nil {
		return nil, err
	}
	for i, v := range x.Data { // what a picture holds
		x.Data[i] = min(max(v, -1), 1)
	}
	taken, err := judge.Classify(mach, x)
	if err != nil {
		return nil, err
	}
	row := &GuidanceRow{Weight: w, Samples: o.Samples, ByClass: make([]int, rep.Classes), Spread: spread(x, s.Labels, rep.Classes) / rep.real}
	for i, class := range taken {
		if class == int(s.Labels[i]) {
			row.Right++
			row.ByClass[class]++
		}
	}
	return row, nil
}

// first reads a set's first n samples.
func first(ds data.Dataset, n int) (*model.Images, []int32, error) {
	c, h, w := ds.Shape()
	x, labels := model.NewImages(n, h, w, c), make([]int32, n)
	loader, err := data.NewLoader(ds, data.LoaderConfig{Ordered: true})
	if err != nil {
		return nil, nil, err
	}
	return x, labels, loader.Batch(0, data.Batch{X: x.Data, Labels: labels})
}

// spread is the variance of images inside their classes: the mean over classes of the mean squared distance to the class's mean, corrected
// for the number of images (n - 1). Classes of fewer than two images are left out.
func spread(x *model.Images, labels []int32, classes int) float64 {
	size := x.H * x.W * x.C
	sum, squares, count := make([]float64, classes*size), make([]float64, classes), make([]float64, classes)
	for i, y := range labels {
		count[y]++
		for k, v := range x.Data[i*size : (i+1)*size] {
			sum[int(y)*size+k] += float64(v)
			squares[y] += float64(v) * float64(v)
		}
	}
	total, used := 0.0, 0.0
	for y, n := range count {
		if n < 2 {
			continue
		}
		means := 0.0
		for _, s := range sum[y*size : (y+1)*size] {
			means += s * s / n
		}
		total += (squares[y] - means) / (n - 1)
		used++
	}
	return total / used
}
