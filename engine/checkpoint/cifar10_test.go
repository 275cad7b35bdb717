package checkpoint

import (
	"fmt"
	"strings"
	"testing"
)

// cifar10Tensors lists the state dict of google/ddpm-cifar10-32: the network
// of Ho, Jain and Abbeel (2020) in diffusers' names.
func cifar10Tensors() []Tensor {
	var list []Tensor
	add := func(name string, shape ...int) {
		list = append(list, Tensor{Name: name + ".weight", Shape: shape}, Tensor{Name: name + ".bias", Shape: shape[:1]})
	}
	resnet := func(prefix string, cin, cout int) {
		add(prefix+".norm1", cin)
		add(prefix+".conv1", cout, cin, 3, 3)
		add(prefix+".time_emb_proj", cout, 512)
		add(prefix+".norm2", cout)
		add(prefix+".conv2", cout, cout, 3, 3)
		if cin != cout {
			add(prefix+".conv_shortcut", cout, cin, 1, 1)
		}
	}
	attention := func(prefix string) {
		add(prefix+".group_norm", 256)
		for _, name := range []string{"to_q", "to_k", "to_v", "to_out.0"} {
			add(prefix+"."+name, 256, 256)
		}
	}
	add("conv_in", 128, 3, 3, 3)
	add("time_embedding.linear_1", 512, 128)
	add("time_embedding.linear_2", 512, 512)
	levels := func(side, sampler string, attending int, blocks [][][2]int) {
		for i, level := range blocks {
			for j, c := range level {
				resnet(fmt.Sprintf("%s_blocks.%d.resnets.%d", side, i, j), c[0], c[1])
				if i == attending {
					attention(fmt.Sprintf("%s_blocks.%d.attentions.%d", side, i, j))
				}
			}
			if cout := level[0][1]; i < 3 {
				add(fmt.Sprintf("%s_blocks.%d.%s.0.conv", side, i, sampler), cout, cout, 3, 3)
			}
		}
	}
	levels("down", "downsamplers", 1, [][][2]int{{{128, 128}, {128, 128}}, {{128, 256}, {256, 256}}, {{256, 256}, {256, 256}}, {{256, 256}, {256, 256}}})
	resnet("mid_block.resnets.0", 256, 256)
	attention("mid_block.attentions.0")
	resnet("mid_block.resnets.1", 256, 256)
	levels("up", "upsamplers", 2, [][][2]int{{{512, 256}, {512, 256}, {512, 256}}, {{512, 256}, {512, 256}, {512, 256}},
		{{512, 256}, {512, 256}, {384, 256}}, {{384, 128}, {256, 128}, {256, 128}}})
	add("conv_norm_out", 128)
	add("conv_out", 3, 128, 3, 3)
	return list
}

type byteCounter int64

func (n *byteCounter) Write(p []byte) (int, error) {
	*n += byteCounter(len(p))
	return len(p), nil
}

// legacyName is the name that diffusers before 0.17 gave to a tensor.
func legacyName(name string) string {
	r := strings.NewReplacer(".to_q.", ".query.", ".to_k.", ".key.", ".to_v.", ".value.", ".to_out.0.", ".proj_attn.")
	return r.Replace(name)
}

func TestCIFAR10FileSize(t *testing.T) {
	tensors := cifar10Tensors()
	parameters := 0
	for i := range tensors {
		n := 1
		for _, d := range tensors[i].Shape {
			n *= d
		}
		parameters += n
		tensors[i].Fill = func([]float32) error { return nil }
	}
	if len(tensors) != 328 || parameters != 35_746_307 {
		t.Fatalf("%d tensors, %d parameters, want 328 and 35746307", len(tensors), parameters)
	}
	for _, c := range []struct {
		rename func(string) string
		want   byteCounter
	}{{func(s string) string { return s }, 143_020_060}, {legacyName, 143_020_084}} {
		named := make([]Tensor, len(tensors))
		for i, tensor := range tensors {
			named[i] = tensor
			named[i].Name = c.rename(tensor.Name)
		}
		var n byteCounter
		if err := Encode(&n, FormatPT(), named); err != nil {
			t.Fatal(err)
		}
		if n != c.want {
			t.Errorf("the file has %d bytes, want %d", n, c.want)
		}
	}
}
