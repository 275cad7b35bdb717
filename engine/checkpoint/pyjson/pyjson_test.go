package pyjson

import (
	"strings"
	"testing"
)

const document = `{
  "a": 1e-06,
  "b": [
    1,
    2.0,
    []
  ],
  "c": {},
  "d": {
    "x": null,
    "y": "\u00e9\ud83d\ude00\"\\\n"
  },
  "z": true
}
`

func TestRoundTrip(t *testing.T) {
	obj, err := ParseObject([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(Encode(obj)); got != document {
		t.Errorf("got\n%s\nwant\n%s", got, document)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":1,"a":2}`:          `key "a" appears twice`,
		`{"a":1} x`:              "follows",
		`{"a":`:                  "ends early",
		`[1]`:                    "want an object",
		`{"a":NaN}`:              "invalid character",
		"{\"a\":\"\xff\"}":       "UTF-8",
		strings.Repeat("[", 100): "nested deeper",
		``:                       "ends early",
	} {
		if _, err := ParseObject([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}

// The literals are what Python 3.11 prints with json.dumps.
func TestFloatAsPython(t *testing.T) {
	for f, want := range map[float64]string{
		1e-6: "1e-06", 1e-4: "0.0001", 1e-5: "1e-05", 0: "0.0", 1: "1.0", 0.02: "0.02", 0.995: "0.995",
		1e15: "1000000000000000.0", 1e16: "1e+16", 123456789.125: "123456789.125", 1.5e-7: "1.5e-07", -2: "-2.0",
		1e100: "1e+100", 1.0 / 3: "0.3333333333333333",
	} {
		if got := string(Float(f)); got != want {
			t.Errorf("Float(%g) = %s, want %s", f, got, want)
		}
	}
}

func TestUpdateKeepsLiteralsAndAddsChanges(t *testing.T) {
	obj, err := ParseObject([]byte(`{"eps": 1e-6, "n": 3, "scale": 1}`))
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := ParseObject([]byte(`{"eps": 0.1, "n": 2, "scale": 2, "new": 5, "quiet": 7}`))
	if err != nil {
		t.Fatal(err)
	}
	var eps, scale float64
	var n int
	fresh, quiet := 6, 7
	fields := []Field{{"eps", &eps}, {"n", &n}, {"scale", &scale}, {"new", &fresh}, {"quiet", &quiet}}
	if err := Decode(obj, fields); err != nil {
		t.Fatal(err)
	}
	n = 4
	want := "{\n  \"eps\": 1e-6,\n  \"n\": 4,\n  \"new\": 6,\n  \"scale\": 1\n}\n"
	if got := string(Encode(Update(obj, fields, defaults))); got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

func TestDecodeErrorsNameKeyAndValue(t *testing.T) {
	obj, err := ParseObject([]byte(`{"n": 2.5, "s": 3, "l": [1, "x"], "b": 1, "k": "?"}`))
	if err != nil {
		t.Fatal(err)
	}
	var n int
	var s string
	var l []int
	var b bool
	for _, c := range []struct {
		field Field
		want  string
	}{
		{Field{"n", &n}, `key "n" is 2.5: want an integer`},
		{Field{"s", &s}, `key "s" is 3: want a string`},
		{Field{"l", &l}, `key "l" is [1, "x"]: item 1: want an integer`},
		{Field{"b", &b}, `key "b" is 1: want true or false`},
	} {
		if err := Decode(obj, []Field{c.field}); err == nil || err.Error() != c.want {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
	if err := RefuseUnknown(obj, []Field{{"n", &n}, {"s", &s}, {"l", &l}}, "b"); err == nil || !strings.Contains(err.Error(), `key "k" is "?"`) {
		t.Errorf("unknown key: %v", err)
	}
}

func FuzzParseObject(f *testing.F) {
	f.Add([]byte(document))
	f.Add([]byte(`{"a":[1,{"b":null}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		obj, err := ParseObject(data)
		if err != nil {
			return
		}
		once := Encode(obj)
		again, err := ParseObject(once)
		if err != nil {
			t.Fatalf("own output %q does not parse: %v", once, err)
		}
		if string(Encode(again)) != string(once) {
			t.Fatalf("%q changes when written again", once)
		}
	})
}
