# Makes nvcc's PTX independent of where it was built and acceptable to old drivers. Reads the file twice.
#
#   awk -v root=DIR -v version=7.0 -f ptx.awk x.ptx x.ptx
#
# - .version becomes the given one.
# - .file names become relative to root; files outside the repository (the toolkit's headers) are dropped.
# - .loc loses its inlining attributes (PTX ISA 7.2 and newer). A line of a dropped file is replaced by the line of the
#   repository that it was inlined into, so that reports point at the project's own source.
# - The hash of the build folder in the names of internal symbols becomes zeros.
# - The pragma used_bytes_mask (PTX ISA 8.3), a hint that some bytes of a load are not used, goes.
# - .debug_str, which only served the inlining attributes, goes.

FNR == 1 { pass++ }

function relative(path) {
	if (index(path, root "/") != 1) return ""
	path = substr(path, length(root) + 2)
	return path ~ /^build\// ? "" : path
}

pass == 1 {
	if ($1 == ".file") {
		match($0, /"[^"]*"/)
		file[$2] = relative(substr($0, RSTART + 1, RLENGTH - 2))
	}
	next
}

$1 == ".pragma" && /used_bytes_mask/ { next }

$1 == ".version" { print ".version " version; next }

$1 == ".file" {
	if (file[$2] != "") printf "\t.file\t%s \"%s\"\n", $2, file[$2]
	next
}

$1 == ".loc" {
	sub(/,$/, "", $4)
	here = $2 " " $3 " " $4
	delete parent[here]
	for (i = 5; i + 3 <= NF; i++)
		if ($i == "inlined_at") parent[here] = $(i + 1) " " $(i + 2) " " $(i + 3)
	for (depth = 0; depth < 64; depth++) {
		split(here, part, " ")
		if (file[part[1]] != "" || !(here in parent)) break
		here = parent[here]
	}
	if (file[part[1]] != "" && here != last) {
		print "\t.loc\t" here
		last = here
	}
	next
}

$1 == ".section" && $2 == ".debug_str" { dropping = 1; next }
dropping { if ($1 == "}") dropping = 0; next }

# A new function starts without a line of its own.
$1 ~ /^\.(visible|entry|func|weak)$/ { last = "" }

{
	gsub(/_INTERNAL_[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]_/, "_INTERNAL_00000000_")
	gsub(/_GLOBAL__N__[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]_/, "_GLOBAL__N__00000000_")
	print
}
