// Package pickle reads the tensors of files that PyTorch's torch.save wrote: the zip format of torch 1.6 and later, and the
// format before it (magic number, protocol, system information, pickle, storage keys, raw storages).
//
// A pickle is a program that can name any function of Python. This reader runs nothing: it knows the containers of the format
// (dict, list, tuple, set), collections.OrderedDict, torch.Size, the functions of torch._utils that rebuild a tensor and the
// classes of storages. Any other global is an error that names it; see GlobalError.
//
// A hostile file costs no more memory than its own size allows: lengths are compared with what the file still holds before
// anything is allocated, and the numbers of instructions, of values on the stack and in the memo are bounded.
//
// Sources: Python's pickletools (opcodes of protocols 0 to 5), torch/serialization.py (both formats).
package pickle
