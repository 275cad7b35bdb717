package golden

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"regexp"
	"strconv"
	"testing"
)

// Formula is a toy network that a case spells out, such as "0.9 x + 0.3 sin(x) + 0.1 sin(t/50)": a product may be written by
// a space, and sin, cos, tanh, exp, sqrt and log are known.
func Formula(t testing.TB, text string) func(variables map[string]float64) float64 {
	t.Helper()
	expr, err := parser.ParseExpr(products.ReplaceAllString(text, "$1*$2"))
	if err != nil {
		t.Fatalf("formula %q: %v", text, err)
	}
	return func(variables map[string]float64) float64 {
		value, err := evaluate(expr, variables)
		if err != nil {
			t.Fatalf("formula %q: %v", text, err)
		}
		return value
	}
}

// products are a number or a bracket, a space, and a name or a bracket.
var products = regexp.MustCompile(`([0-9.)]) +([a-z(])`)

var functions = map[string]func(float64) float64{
	"sin": math.Sin, "cos": math.Cos, "tanh": math.Tanh, "exp": math.Exp, "sqrt": math.Sqrt, "log": math.Log,
}

func evaluate(expr ast.Expr, variables map[string]float64) (float64, error) {
	switch e := expr.(type) {
	case *ast.BasicLit:
		return strconv.ParseFloat(e.Value, 64)
	case *ast.Ident:
		if value, ok := variables[e.Name]; ok {
			return value, nil
		}
		return 0, fmt.Errorf("unknown variable %s", e.Name)
	case *ast.ParenExpr:
		return evaluate(e.X, variables)
	case *ast.UnaryExpr:
		value, err := evaluate(e.X, variables)
		if e.Op == token.SUB {
			value = -value
		}
		return value, err
	case *ast.CallExpr:
		name, ok := e.Fun.(*ast.Ident)
		if !ok || len(e.Args) != 1 || functions[name.Name] == nil {
			return 0, fmt.Errorf("unknown function")
		}
		value, err := evaluate(e.Args[0], variables)
		return functions[name.Name](value), err
	case *ast.BinaryExpr:
		return evaluateBinary(e, variables)
	}
	return 0, fmt.Errorf("unknown expression %T", expr)
}

func evaluateBinary(e *ast.BinaryExpr, variables map[string]float64) (float64, error) {
	a, err := evaluate(e.X, variables)
	if err != nil {
		return 0, err
	}
	b, err := evaluate(e.Y, variables)
	switch e.Op {
	case token.ADD:
		return a + b, err
	case token.SUB:
		return a - b, err
	case token.MUL:
		return a * b, err
	case token.QUO:
		return a / b, err
	}
	return 0, fmt.Errorf("unknown operator %s", e.Op)
}
