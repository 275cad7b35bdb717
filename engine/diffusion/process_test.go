package diffusion

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"
)

func TestLinearTables(t *testing.T) {
	p := ho(t)
	for i, want := range map[int]float64{
		0: .9999, 1: .99978009207207208, 2: .99964028298412155, 9: .99810520478583442, 49: .97101572293944016,
		99: .89701814567495997, 199: .65903850823179411, 249: .52408537382536058, 299: .39641975945825253,
		399: .19514644493343236, 499: .078587242881778235, 599: .025879389423334884, 699: .0069661105565278344,
		749: .0033505504389367744, 799: .001532089549647948, 899: 2.7520591190339843e-4, 949: 1.0809828163138253e-4,
		998: 4.118193638138445e-5, 999: 4.0358297653756761e-5,
	} {
		near(t, "abar "+strconv.Itoa(i), p.AlphasCumprod[i], want, 1e-14)
	}
	near(t, "mean abar", sum(p.AlphasCumprod)/1000, .2755132333968061, 1e-14)
	near(t, "abar 258", p.AlphasCumprod[258], .50024, 1e-5)
	near(t, "sqrt abar 999", p.SqrtAlphasCumprod[999], .00635281808757, 1e-12)
	near(t, "sqrt 1-abar 0", p.SqrtOneMinusAlphasCumprod[0], .01, 1e-12)
	near(t, "snr 0", p.SNR[0], 9999, 1e-11)
	near(t, "snr 999", p.SNR[999], 4.0359926511684205e-5, 1e-13)
	if p.PosteriorVariance[0] != 0 {
		t.Errorf("posterior variance 0: got %g", p.PosteriorVariance[0])
	}
	for i, want := range map[int]float64{1: 5.4531876613e-5, 2: 8.5489115231e-5, 9: 2.38182027823e-4,
		99: .00203459625949, 499: .0100313554146, 999: .0199999835266} {
		near(t, "posterior variance "+strconv.Itoa(i), p.PosteriorVariance[i], want, 1e-11)
	}
	for i, want := range map[int][2]float64{1: {.5452914995, .454708499}, 499: {.003070071114, .9941066702}, 999: {1.283514872e-4, .9899486783}} {
		near(t, "posterior coef 1", p.PosteriorMeanCoef1[i], want[0], 2e-9)
		near(t, "posterior coef 2", p.PosteriorMeanCoef2[i], want[1], 2e-9)
	}
	near(t, "clipped log variance 0", p.PosteriorLogVarianceClipped[0], -9.81672513529567, 1e-12)
	near(t, "sigma 0", math.Exp(p.PosteriorLogVarianceClipped[0]/2), .007384570171175973, 1e-12)
	near(t, "fixed large 0", p.FixedLargeVariance[0], p.PosteriorVariance[1], 0)
	near(t, "fixed large 7", p.FixedLargeVariance[7], p.Betas[7], 0)
}

// TestTableIdentities holds the tables to the identities that define them.
func TestTableIdentities(t *testing.T) {
	for _, kind := range Kinds() {
		p := mustProcess(t, Schedule{Kind: kind, Timesteps: 50})
		for i := range p.Betas {
			abar := p.AlphasCumprod[i]
			near(t, kind+" abar recursion", abar, p.AlphasCumprodPrev[i]*p.Alphas[i], 0)
			near(t, kind+" signal and noise", abar+p.SqrtOneMinusAlphasCumprod[i]*p.SqrtOneMinusAlphasCumprod[i], 1, 1e-14)
			// The posterior mean of x_t = sqrt(abar) x_0 is sqrt(abar_prev) x_0.
			near(t, kind+" posterior mean", p.PosteriorMeanCoef1[i]+p.PosteriorMeanCoef2[i]*p.SqrtAlphasCumprod[i],
				math.Sqrt(p.AlphasCumprodPrev[i]), 1e-11)
			// Its variance over eps, plus the posterior's own, is 1 - abar_prev.
			v := p.PosteriorMeanCoef2[i]*p.PosteriorMeanCoef2[i]*(1-abar) + p.PosteriorVariance[i]
			if math.Abs(v-(1-p.AlphasCumprodPrev[i])) > 1e-14 {
				t.Errorf("%s t=%d: marginal variance %g, want %g", kind, i, v, 1-p.AlphasCumprodPrev[i])
			}
			near(t, kind+" x_0 from eps", p.SqrtRecipAlphasCumprod[i]*p.SqrtOneMinusAlphasCumprod[i], p.SqrtRecipm1AlphasCumprod[i], 1e-13)
		}
	}
}

func TestProcessErrors(t *testing.T) {
	for _, c := range []struct {
		betas []float64
		want  string
	}{
		{nil, "0 betas"},
		{[]float64{.1, 1}, "beta at t = 1 is 1"},
		{[]float64{0}, "beta at t = 0 is 0"},
		{[]float64{math.NaN()}, "NaN"},
		{[]float64{1e-20}, "beta at t = 0"},
		{[]float64{1 - 1e-16, 1 - 1e-16, 1 - 1e-16, 1 - 1e-16, 1 - 1e-16, 1 - 1e-16, 1 - 1e-16, 1 - 1e-16, 1 - 1e-16, 1 - 1e-16,
			1 - 1e-16, 1 - 1e-16, 1 - 1e-16, 1 - 1e-16, 1 - 1e-16, 1 - 1e-16, 1 - 1e-16, 1 - 1e-16, 1 - 1e-16, 1 - 1e-16}, "vanishes at t = 19"},
	} {
		if _, err := ProcessFromBetas(c.betas); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got error %v, want %q", c.betas, err, c.want)
		}
	}
	p, err := ProcessFromBetas([]float64{.3})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "variance of a one-step process", p.Variance(FixedSmall)[0], .3, 0)
}

func TestExport(t *testing.T) {
	p := mustProcess(t, Schedule{Kind: Cosine, Timesteps: 20})
	var buf bytes.Buffer
	if err := p.WriteCSV(&buf); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&buf).ReadAll()
	if err != nil || len(rows) != 21 || len(rows[0]) != 15 {
		t.Fatalf("csv: %d rows, error %v", len(rows), err)
	}
	var obj map[string]json.RawMessage
	if err := p.WriteJSON(&buf); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(buf.Bytes(), &obj); err != nil {
		t.Fatal(err)
	}
	for c, name := range rows[0] {
		var col []float64
		if err := json.Unmarshal(obj[name], &col); err != nil || len(col) != 20 {
			t.Fatalf("json column %s: %d values, %v", name, len(col), err)
		}
		for i, v := range col {
			if got, _ := strconv.ParseFloat(rows[i+1][c], 64); got != v {
				t.Errorf("%s[%d]: csv %g, json %g", name, i, got, v)
			}
		}
	}
	if rows[20][3] != strconv.FormatFloat(p.AlphasCumprod[19], 'g', -1, 64) || rows[0][3] != "alpha_cumprod" {
		t.Errorf("alpha_cumprod: %s %s", rows[0][3], rows[20][3])
	}
}
