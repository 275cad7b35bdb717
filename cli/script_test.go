package cli_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"gorgonia.org/tensor"

	"github.com/unnoise/unnoise/cli"
	"github.com/unnoise/unnoise/engine/npy"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"unnoise":    func() { os.Exit(cli.Main(os.Args, os.Stdout, os.Stderr)) },
		"mknpy":      func() { end(makeNPY(os.Args[1:])) },
		"mkidx":      func() { end(makeIDX(os.Args[1:])) },
		"mkpictures": func() { end(makePictures(os.Args[1:])) },
		"ispng":      func() { end(isPNG(os.Args[1:])) },
		"cut":        func() { end(cutFile(os.Args[1:])) },
		"edit":       func() { end(editFile(os.Args[1:])) },
	})
}

// TestScript runs the command line on good and bad input.
func TestScript(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) { // under nohup; programs begin with the default for signals that are caught here
		hangup := make(chan os.Signal, 1)
		signal.Notify(hangup, syscall.SIGHUP)
		t.Cleanup(func() { signal.Stop(hangup) }) // behind the scripts, which run when this function has returned
	}
	testscript.Run(t, testscript.Params{Dir: "testdata/script"})
}

func end(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// makeNPY writes an array: mknpy FILE f4|i8 SHAPE, for example 2,1,4,4; element i is i mod 7.
func makeNPY(args []string) error {
	var shape []int
	n := 1
	for _, s := range strings.Split(args[2], ",") {
		d, err := strconv.Atoi(s)
		if err != nil {
			return err
		}
		shape, n = append(shape, d), n*d
	}
	var data any
	if args[1] == "i8" {
		v := make([]int64, n)
		for i := range v {
			v[i] = int64(i % 7)
		}
		data = v
	} else {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(i%7) / 7
		}
		data = v
	}
	return npy.WriteFile(args[0], tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data)))
}

// makeIDX writes bytes in the IDX format: mkidx FILE SHAPE, for example 20,28,28; byte i is i mod 10.
func makeIDX(args []string) error {
	dims := strings.Split(args[1], ",")
	b := bytes.NewBuffer([]byte{0, 0, 8, byte(len(dims))})
	n := 1
	for _, s := range dims {
		d, err := strconv.Atoi(s)
		if err != nil {
			return err
		}
		binary.Write(b, binary.BigEndian, uint32(d))
		n *= d
	}
	for i := range n {
		b.WriteByte(byte(i % 10))
	}
	return os.WriteFile(args[0], b.Bytes(), 0o644)
}

// cutFile shortens a file: cut FILE BYTES takes that many from its end.
func cutFile(args []string) error {
	stat, err := os.Stat(args[0])
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	return os.Truncate(args[0], stat.Size()-int64(n))
}

// editFile replaces the first occurrence of a text: edit FILE OLD NEW.
func editFile(args []string) error {
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	if !bytes.Contains(text, []byte(args[1])) {
		return fmt.Errorf("%s does not hold %q", args[0], args[1])
	}
	return os.WriteFile(args[0], bytes.Replace(text, []byte(args[1]), []byte(args[2]), 1), 0o644)
}
