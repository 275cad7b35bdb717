package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	urfave "github.com/urfave/cli/v2"

	"github.com/unnoise/unnoise/engine/graph"
	"github.com/unnoise/unnoise/engine/model"
	"github.com/unnoise/unnoise/engine/nn"
	"github.com/unnoise/unnoise/engine/recipe"
)

func inspectCommand() *urfave.Command {
	return &urfave.Command{
		Name:  "inspect",
		Usage: "print a network's layers, parameters, multiply-adds, memory and programs",
		Description: "MACs are the multiply-adds of convolutions, dense layers and attention in one forward pass of one image.\n" +
			"Networks, by the _class_name of config.json or of a recipe's [network]: " + networkClasses() + ".\n" +
			"With --json: one object with \"source\", \"class\", \"sample\", \"parameters\", \"macs\", \"flops\", \"memory\", \"layers\" and,\n" +
			"with --program, \"program\".",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "model", Usage: "`DIR` of a run, a checkpoint or any diffusers directory"},
			variantFlag(),
			&urfave.StringFlag{Name: "preset", Usage: "preset `NAME`: " + strings.Join(recipe.Presets(), ", ")},
			&urfave.StringFlag{Name: "config", Usage: "recipe `FILE`"},
			setFlag(),
			&urfave.StringFlag{Name: "program", Usage: "also print the program `NAME`, call by call: predict or train"},
			&urfave.IntFlag{Name: "batch", Usage: "`N` samples a program", DefaultText: "1 for predict, the recipe's for train"},
		},
		Action: runInspect,
	}
}

// networkClasses lists the classes of networks with what they are.
func networkClasses() string {
	var list []string
	for _, name := range nn.Names() {
		list = append(list, fmt.Sprintf("%s (%s)", name, nn.Lookup(name).Doc))
	}
	return strings.Join(list, ", ")
}

// setFlag overrides keys of a recipe.
func setFlag() urfave.Flag {
	return &urfave.StringSliceFlag{Name: "set", Usage: "override a recipe's `KEY=VALUE`, for example train.learning_rate=1e-4; may be repeated"}
}

// inspection is what inspect --json prints.
type inspection struct {
	Source     string           `json:"source"`
	Class      string           `json:"class"`
	Sample     []int            `json:"sample"` // C,H,W, or D for points
	Parameters int              `json:"parameters"`
	MACs       float64          `json:"macs"`  // one forward pass of one sample
	FLOPs      float64          `json:"flops"` // the same, every operator counted
	Memory     map[string]int64 `json:"memory"`
	Layers     []layer          `json:"layers"`
	Program    []programStep    `json:"program,omitempty"`
}

type layer struct {
	Name       string `json:"name"`
	Shape      []int  `json:"shape"`
	Parameters int    `json:"parameters"`
}

type programStep struct {
	Program  string   `json:"program"`
	Step     int      `json:"step"`
	Phase    string   `json:"phase"`
	Operator string   `json:"operator"`
	Inputs   []string `json:"inputs"` // shapes, "-" where absent
	Outputs  []string `json:"outputs"`
	Bytes    float64  `json:"bytes"`
	FLOPs    float64  `json:"flops"`
	MACs     float64  `json:"macs"`
}

// subject is what is inspected: a model, and its recipe where one is known.
type subject struct {
	source string
	model  *model.Model
	recipe *recipe.Recipe
	batch  int // 0: the program's default
}

func runInspect(c *urfave.Context) error {
	g, err := readGlobals(c)
	if err != nil {
		return err
	}
	if p := c.String("program"); p != "" && p != "predict" && p != "train" {
		return usagef("--program %q: want predict or train", p)
	}
	if c.IsSet("batch") && (c.Int("batch") < 1 || c.Int("batch") > 1<<20) {
		return usagef("--batch %d: want 1..1048576", c.Int("batch"))
	}
	s, err := readSubject(c, g)
	if err != nil {
		return err
	}
	shown, err := s.programs(c.String("program"))
	if err != nil {
		return err
	}
	in, err := s.inspect()
	if err != nil {
		return err
	}
	if g.json {
		for _, p := range shown {
			in.Program = append(in.Program, steps(p)...)
		}
		enc := json.NewEncoder(g.out)
		enc.SetIndent("", "  ")
		return enc.Encode(in)
	}
	if err := in.print(g.out); err != nil {
		return err
	}
	for _, p := range shown {
		fmt.Fprintf(g.out, "\nprogram %s\n", p.Name)
		if err := p.Dump(g.out); err != nil {
			return err
		}
	}
	return nil
}

// readSubject opens what the flags name.
func readSubject(c *urfave.Context, g *globals) (*subject, error) {
	s := &subject{batch: c.Int("batch")}
	if dir := c.String("model"); dir != "" {
		if c.String("preset") != "" || c.String("config") != "" || c.IsSet("set") {
			return nil, usagef("--model stands alone: --preset, --config and --set describe a network that is not trained yet")
		}
		m, err := g.loadModel(c, false)
		if err != nil {
			return nil, err
		}
		s.source, s.model = m.Source, m
		s.recipe, err = recipeOf(c, dir, m)
		return s, err
	}
	if c.String("preset") == "" && c.String("config") == "" {
		return nil, usagef("inspect what? Give --model DIR, --preset NAME (%s) or --config FILE", strings.Join(recipe.Presets(), ", "))
	}
	r, source, err := readRecipe(c, c.StringSlice("set"))
	if err != nil {
		return nil, err
	}
	s.recipe, s.source = r, source
	s.model, err = describe(r)
	return s, err
}

// programs builds the programs to print.
func (s *subject) programs(name string) ([]*graph.Program, error) {
	switch name {
	case "predict":
		p, err := s.model.PredictProgram(max(s.batch, 1), s.model.H, s.model.W)
		return []*graph.Program{p}, err
	case "train":
		return s.training()
	}
	return nil, nil
}

// training builds the programs of a training step.
func (s *subject) training() ([]*graph.Program, error) {
	if s.recipe == nil {
		return nil, usagef("--program train needs a recipe: give --preset, --config or the --model of a run")
	}
	r := *s.recipe
	if s.batch > 0 {
		r.Train.MicroBatch = s.batch
	}
	return trainingPrograms(&r, s.model)
}

func (s *subject) inspect() (*inspection, error) {
	m := s.model
	p, err := m.PredictProgram(1, m.H, m.W)
	if err != nil {
		return nil, err
	}
	cost := p.Cost()
	in := &inspection{Source: s.source, Class: m.Net.Config().ClassName(), Sample: []int{m.C, m.H, m.W}, Parameters: m.Params.Count(),
		MACs: cost.MACs, FLOPs: cost.FLOPs, Memory: map[string]int64{"weights": 4 * int64(m.Params.Size()), "predict": memory(p)}}
	if m.Points() {
		in.Sample = []int{m.C}
	}
	for _, q := range m.Params.All() {
		in.Layers = append(in.Layers, layer{q.Name, q.Shape, q.Elements()})
	}
	if s.recipe == nil {
		return in, nil
	}
	step, err := s.training()
	if err != nil {
		return nil, err
	}
	in.Memory["train"] = memory(step...)
	return in, nil
}

func steps(p *graph.Program) []programStep {
	var list []programStep
	for i, s := range p.Steps {
		list = append(list, programStep{Program: p.Name, Step: i, Phase: s.Phase, Operator: s.Op.Name(), Inputs: shapes(s.In), Outputs: shapes(s.Out),
			Bytes: s.Cost.Bytes, FLOPs: s.Cost.FLOPs, MACs: s.Cost.MACs})
	}
	return list
}

func shapes(refs []graph.Ref) []string {
	list := []string{}
	for _, r := range refs {
		if r.Buffer < 0 {
			list = append(list, "-")
			continue
		}
		list = append(list, r.Spec.String())
	}
	return list
}

// print writes the inspection as text.
func (in *inspection) print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "layer\tshape\tparameters\n")
	for _, l := range in.Layers {
		fmt.Fprintf(tw, "%s\t%s\t%d\n", l.Name, dims(l.Shape), l.Parameters)
	}
	fmt.Fprintf(tw, "\nnetwork\t%s, %s\n", in.Class, in.Source)
	fmt.Fprintf(tw, "sample\t%s\n", dims(in.Sample))
	fmt.Fprintf(tw, "parameters\t%d\n", in.Parameters)
	fmt.Fprintf(tw, "MACs\t%s (forward, one sample; %sFLOP with every operator)\n", metric(in.MACs), metric(in.FLOPs))
	fmt.Fprintf(tw, "memory\t%s weights, %s to predict one sample", megabytes(in.Memory["weights"]), megabytes(in.Memory["predict"]))
	if b, ok := in.Memory["train"]; ok {
		fmt.Fprintf(tw, ", %s to train with the recipe's batch", megabytes(b))
	}
	fmt.Fprintf(tw, " (kernels' scratch not counted)\n")
	return tw.Flush()
}

func dims(shape []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", "x")
}

// metric prints a count with five digits and the prefix k, M, G or T.
func metric(x float64) string {
	prefix := ""
	for _, p := range []string{"k", "M", "G", "T"} {
		if x < 1000 {
			break
		}
		x, prefix = x/1000, p
	}
	return fmt.Sprintf("%.5g %s", x, prefix)
}

func megabytes(b int64) string { return fmt.Sprintf("%.1f MB", float64(b)/1e6) }
