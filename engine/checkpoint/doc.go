// Package checkpoint reads and writes models on disk: safetensors files,
// diffusers directories (flat or nested, old or new attention names) and the
// checkpoints of a training run, which are diffusers directories with the
// optimizer's state beside them. A checkpoint appears complete or not at all.
package checkpoint
