// Package version names the release of unnoise.
package version

// Version is the release that this tree is or becomes, as CHANGELOG.md lists it. It is written into config.toml and into the metadata of
// training_state.safetensors; neither the hash of a recipe nor a resume takes it into account.
const Version = "v0.2.0"
