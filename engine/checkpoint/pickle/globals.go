package pickle

import (
	"fmt"
	"strings"
)

// GlobalError reports a function or class that a pickle names and this package does not know.
type GlobalError struct{ Module, Name string }

func (e *GlobalError) Error() string {
	return fmt.Sprintf("the pickle names %q: expected only tensors, numbers, strings and plain containers; nothing was executed. "+
		"Save the weights alone, torch.save(model.state_dict(), FILE), or as safetensors", clip(e.Module+"."+e.Name))
}

// clip shortens a name of a hostile file.
func clip(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + ".."
	}
	return s
}

// storageTypes maps the storage classes of torch to element types as safetensors names them.
var storageTypes = map[string]string{"FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16", "DoubleStorage": "F64",
	"LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8", "BoolStorage": "BOOL"}

// typeSizes holds the bytes of an element.
var typeSizes = map[string]int64{"F32": 4, "F16": 2, "BF16": 2, "F64": 8, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}

// functions holds the globals that may be called, by "module.name".
var functions = map[string]func([]any) (any, error){
	"collections.OrderedDict":         orderedDict,
	"torch.Size":                      size,
	"torch._utils._rebuild_tensor":    rebuildTensor,
	"torch._utils._rebuild_tensor_v2": rebuildTensorV2,
	"torch._utils._rebuild_parameter": rebuildParameter,
}

// findGlobal returns what a pickle names, or a GlobalError.
func findGlobal(module, name string) (*global, error) {
	if call, ok := functions[module+"."+name]; ok && !strings.Contains(name, ".") {
		return &global{module: module, name: name, call: call}, nil
	}
	if dtype, ok := storageTypes[name]; ok && (module == "torch" || module == "torch.cuda") {
		return &global{module: module, name: name, dtype: dtype}, nil
	}
	return nil, &GlobalError{module, name}
}

// orderedDict is OrderedDict() or OrderedDict([(key, value), ...]).
func orderedDict(args []any) (any, error) {
	d := &Dict{}
	if len(args) == 0 {
		return d, nil
	}
	pairs, ok := args[0].(*List)
	if !ok || len(args) > 1 {
		return nil, fmt.Errorf("collections.OrderedDict of %s: expected nothing or a list of pairs", kindOf(args[0]))
	}
	for _, p := range pairs.Items {
		items, ok := sequence(p)
		if !ok || len(items) != 2 {
			return nil, fmt.Errorf("collections.OrderedDict of a list with %s: expected pairs", kindOf(p))
		}
		d.set(items[0], items[1])
	}
	return d, nil
}

// size is torch.Size((n, ...)).
func size(args []any) (any, error) {
	if len(args) == 1 {
		if items, ok := sequence(args[0]); ok {
			return &Tuple{Items: items}, nil
		}
	}
	return nil, fmt.Errorf("torch.Size of %d arguments: expected one tuple", len(args))
}

// rebuildTensorV2 is _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks[, metadata]).
func rebuildTensorV2(args []any) (any, error) {
	if len(args) != 6 && len(args) != 7 {
		return nil, fmt.Errorf("_rebuild_tensor_v2 of %d arguments: expected 6 or 7", len(args))
	}
	return rebuildTensor(args[:4])
}

// rebuildTensor is _rebuild_tensor(storage, offset, size, stride).
func rebuildTensor(args []any) (any, error) {
	if len(args) != 4 {
		return nil, fmt.Errorf("_rebuild_tensor of %d arguments: expected 4", len(args))
	}
	s, ok := args[0].(*storage)
	if !ok {
		return nil, fmt.Errorf("a tensor of %s: expected a storage", kindOf(args[0]))
	}
	offset, ok := args[1].(int64)
	if !ok {
		return nil, fmt.Errorf("a tensor's offset is %s: expected an int", kindOf(args[1]))
	}
	shape, err := integers(args[2])
	if err != nil {
		return nil, fmt.Errorf("a tensor's size: %w", err)
	}
	strides, err := integers(args[3])
	if err != nil {
		return nil, fmt.Errorf("a tensor's strides: %w", err)
	}
	t := &Tensor{storage: s, offset: offset, shape: shape, strides: strides}
	return t, t.check()
}

// rebuildParameter is _rebuild_parameter(tensor, requires_grad, backward_hooks).
func rebuildParameter(args []any) (any, error) {
	if len(args) == 3 {
		if t, ok := args[0].(*Tensor); ok {
			return t, nil
		}
	}
	return nil, fmt.Errorf("_rebuild_parameter of %d arguments: expected a tensor and 2 more", len(args))
}

// sequence returns the items of a tuple or list.
func sequence(v any) ([]any, bool) {
	switch v := v.(type) {
	case *Tuple:
		return v.Items, true
	case *List:
		return v.Items, true
	}
	return nil, false
}

// integers returns the items of a tuple or list of at most maxDims non-negative integers.
func integers(v any) ([]int64, error) {
	items, ok := sequence(v)
	if !ok {
		return nil, fmt.Errorf("got %s, expected a tuple", kindOf(v))
	}
	if len(items) > maxDims {
		return nil, fmt.Errorf("%d dimensions, expected at most %d", len(items), maxDims)
	}
	list := make([]int64, len(items))
	for i, item := range items {
		n, ok := item.(int64)
		if !ok || n < 0 {
			return nil, fmt.Errorf("item %d is not an integer of at least 0", i)
		}
		list[i] = n
	}
	return list, nil
}
