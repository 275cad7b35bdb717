package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// The scripts of the folder of peers.
const (
	stepScript   = "step_cpu.py"
	parityScript = "parity.py"
)

// checkPeers refuses a folder without the scripts, and an interpreter that is not there.
func (o Options) checkPeers() error {
	for _, name := range []string{stepScript, parityScript} {
		if _, err := os.Stat(filepath.Join(o.Peers, name)); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("the folder of peers %s has no %s: run in the root of the repository or name its bench/peers", o.Peers, name)
			}
			return err
		}
	}
	if _, err := exec.LookPath(o.Python); err != nil {
		return fmt.Errorf("the Python of the peers: %w; name one that has PyTorch", err)
	}
	return nil
}

// python prepares a script of the folder of peers with as many threads as ours; its standard error goes to the tail returned.
func (o Options) python(ctx context.Context, script string, args ...string) (*exec.Cmd, *tail) {
	cmd := exec.CommandContext(ctx, o.Python, append([]string{filepath.Join(o.Peers, script)}, args...)...)
	threads := strconv.Itoa(o.Threads)
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS="+threads, "OPENBLAS_NUM_THREADS="+threads, "MKL_NUM_THREADS="+threads, "GOMAXPROCS="+threads,
		"PYTHONDONTWRITEBYTECODE=1")
	said := &tail{}
	cmd.Stderr = said
	return cmd, said
}

// tail keeps the end of what a process wrote.
type tail struct{ kept []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	t.kept = t.kept[max(0, len(t.kept)-4096):]
	return len(p), nil
}

// last is the last line that is not empty.
func (t *tail) last() string {
	lines := strings.Split(strings.TrimSpace(string(t.kept)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// failed says which script ended, how, and what it said last.
func (o Options) failed(script string, said *tail, err error) error {
	advice := ""
	if strings.Contains(said.last(), "No module named") {
		advice = "; install it (Debian: python3-torch, python3-numpy) or name a Python that has it"
	}
	return fmt.Errorf("%s %s: %w: %s%s", o.Python, filepath.Join(o.Peers, script), err, said.last(), advice)
}

// peer is step_cpu.py waiting for its turn.
type peer struct {
	o       Options
	cmd     *exec.Cmd
	said    *tail
	in      io.WriteCloser
	out     *bufio.Reader
	version string
	ended   bool
}

// peerRow is what the peer prints: first that it is ready, then a round for every line it reads.
type peerRow struct {
	Ready      bool      `json:"ready"`
	Torch      string    `json:"torch"`
	Preset     string    `json:"preset"`
	Batch      int       `json:"batch"`
	Threads    int       `json:"threads"`
	Parameters int       `json:"parameters"`
	Steps      int       `json:"steps"`
	CPU        float64   `json:"cpu_ms"`
	Each       []float64 `json:"ms"`
	Times
}

// startPeer starts PyTorch's side of a preset and waits until it has warmed up.
func (o Options) startPeer(ctx context.Context, preset string, s *Stepper) (*peer, error) {
	args := []string{"--interactive", "--preset", preset, "--batch", strconv.Itoa(s.Batch()), "--threads", strconv.Itoa(o.Threads),
		"--steps", strconv.Itoa(o.Steps), "--warmup-steps", strconv.Itoa(o.Warmup)}
	if !o.Contiguous {
		args = append(args, "--channels-last")
	}
	p := &peer{o: o}
	p.cmd, p.said = o.python(ctx, stepScript, args...)
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	ready, err := p.read()
	if err != nil {
		return nil, err
	}
	if !ready.Ready || ready.Preset != preset || ready.Batch != s.Batch() || ready.Threads != o.Threads || ready.Parameters != s.Parameters() {
		p.close()
		return nil, fmt.Errorf("%s is not the same work: it says preset %s, batch %d, %d threads, %d parameters; want %s, %d, %d, %d", stepScript,
			ready.Preset, ready.Batch, ready.Threads, ready.Parameters, preset, s.Batch(), o.Threads, s.Parameters())
	}
	p.version = ready.Torch
	return p, nil
}

// round lets the peer take its steps.
func (p *peer) round() (peerRow, error) {
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		return peerRow{}, p.o.failed(stepScript, p.said, errors.Join(err, p.wait()))
	}
	r, err := p.read()
	if err == nil && (r.Steps != p.o.Steps || len(r.Each) != r.Steps || !(r.Median > 0)) {
		err = fmt.Errorf("%s: a round of %d steps with %d times, median %g ms; want %d", stepScript, r.Steps, len(r.Each), r.Median, p.o.Steps)
		p.close()
	}
	return r, err
}

// read takes a line of the peer; where there is none the peer has ended.
func (p *peer) read() (peerRow, error) {
	var r peerRow
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		if end := p.wait(); end != nil {
			err = end
		}
		return r, p.o.failed(stepScript, p.said, err)
	}
	if err := json.Unmarshal(line, &r); err != nil {
		p.close()
		return r, fmt.Errorf("%s: %q is not a row: %w", stepScript, strings.TrimSpace(string(line)), err)
	}
	return r, nil
}

// close ends the peer: it stops when its input does.
func (p *peer) close() error {
	if p.ended {
		return nil
	}
	p.in.Close()
	_, err := io.Copy(io.Discard, p.out)
	return errors.Join(err, p.wait())
}

// wait returns how the process ended, which may be asked once.
func (p *peer) wait() error {
	p.ended = true
	return p.cmd.Wait()
}

// parity compares `unnoise predict` with PyTorch on a preset's network with random weights.
func (o Options) parity(ctx context.Context, preset string) (ParityRow, error) {
	row := ParityRow{Row: o.row("parity"), Preset: preset, Tolerance: Tolerance}
	cmd, said := o.python(ctx, parityScript, "--unnoise", o.Binary, "--batch", "2", "--tolerance", fmt.Sprint(Tolerance), preset)
	out, err := cmd.Output()
	var answer struct {
		ParityRow
		OK *bool `json:"ok"`
	}
	if json.Unmarshal(out, &answer) != nil || answer.OK == nil {
		if err == nil {
			err = errors.New("no verdict")
		}
		return row, o.failed(parityScript, said, err)
	}
	row.Parameters, row.Output, row.Loss = answer.Parameters, answer.Output, answer.Loss
	row.Grad, row.GradTensor, row.Verdict = answer.Grad, answer.GradTensor, parityOK
	if !*answer.OK || err != nil || !(max(row.Output, row.Loss, row.Grad) <= Tolerance) {
		row.Verdict = fmt.Sprintf("failed: output %.2g, loss %.2g, gradient of %s %.2g, tolerance %.2g", row.Output, row.Loss, row.GradTensor, row.Grad, Tolerance)
	}
	return row, nil
}
