package gpu

import (
	"encoding/binary"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/unnoise/unnoise/kernels"
)

// TestState holds the bytes that Put writes to the struct of kernels/include/state.cuh, member by member.
func TestState(t *testing.T) {
	text, err := os.ReadFile("../include/state.cuh")
	if err != nil {
		t.Fatal(err)
	}
	body := regexp.MustCompile(`//[^\n]*`).ReplaceAllString(string(text), "")
	body = body[strings.Index(body, "{")+1 : strings.Index(body, "}")]
	var members []string
	for _, declaration := range strings.Split(body, ";") {
		kind, names, ok := strings.Cut(strings.TrimSpace(declaration), " ")
		if !ok {
			continue
		}
		for _, name := range strings.Split(names, ",") {
			members = append(members, kind+" "+strings.TrimSpace(name))
		}
	}
	state := NewState(&kernels.StepState{Seed: 2<<32 | 1, Step: 3, Micro: 4, SampleBase: 5, ChainIndex: 6, LearningRate: 7, WeightDecay: 8, Beta1: 9,
		Beta2: 10, Epsilon: 11, Correction1: 12, Correction2: 13, EMADecay: 14, ClipNorm: 15, LossScale: 16, Guidance: 17})
	want := map[string]float64{"unsigned seed_lo": 1, "unsigned seed_hi": 2, "unsigned step": 3, "unsigned micro": 4, "unsigned sample_base": 5,
		"unsigned chain_index": 6, "float learning_rate": 7, "float weight_decay": 8, "float beta1": 9, "float beta2": 10, "float one_minus_beta1": -8,
		"float one_minus_beta2": -9, "float epsilon": 11, "float correction1": 12, "float correction2": 13, "float ema_decay": 14,
		"float one_minus_ema_decay": -13, "float clip_norm": 15, "float loss_scale": 16, "float guidance": 17}
	if len(members) != len(want) || 4*len(members) != StateBytes {
		t.Fatalf("%d members, the test knows %d, StateBytes is %d: %v", len(members), len(want), StateBytes, members)
	}
	buf := slices.Repeat([]byte{0xff}, StateBytes)
	state.Put(buf)
	for i, m := range members {
		word := binary.LittleEndian.Uint32(buf[4*i:])
		got := float64(word)
		if strings.HasPrefix(m, "float ") {
			got = float64(math.Float32frombits(word))
		}
		if w, ok := want[m]; !ok || got != w {
			t.Errorf("member %d, %s: %g, want %g", i, m, got, w)
		}
	}
}
