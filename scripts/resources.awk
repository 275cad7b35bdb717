# What a kernel takes of a multiprocessor: reads what ptxas -v said, then the PTX; prints one line a kernel, tab-separated:
# module, kernel, registers a thread, bytes of static shared memory, threads a block (its launch bound; - without one), warps that
# a multiprocessor holds of 64 when blocks are that large and take no dynamic shared memory. -v module=STEM -v arch=sm_80.
function ceil(a, b) { return int((a + b - 1) / b) * b }
function least(a, b) { return a < b ? a : b }

# warps counts resident warps: 65536 registers given in units of 256 a warp, 32 blocks, shared memory with 1 KB a block of the system's.
function warps(registers, shared, threads,   block, blocks, memory) {
	block = int((threads + 31) / 32)
	memory = (arch == "sm_90a" ? 228 : 164) * 1024
	blocks = least(int(64 / block), 32)
	blocks = least(blocks, int(int(65536 / ceil(registers * 32, 256) / 4) * 4 / block))
	return block * least(blocks, int(memory / ceil(shared + 1024, 128)))
}

/Compiling entry function/ { split($0, q, "\047"); kernel = q[2] }
/Used [0-9]+ registers/ {
	for (i = 1; i < NF; i++) if ($i == "Used") registers[kernel] = $(i + 1)
	shared[kernel] = match($0, /[0-9]+ bytes smem/) ? substr($0, RSTART, RLENGTH) + 0 : 0
}
/^(\.visible )?\.entry / { match($0, /\.entry [A-Za-z0-9_$]+/); kernel = substr($0, RSTART + 7, RLENGTH - 7) }
/^\.maxntid / { split($0, q, /[ ,]+/); threads[kernel] = q[2] * (q[3] ? q[3] : 1) * (q[4] ? q[4] : 1) }
END {
	for (kernel in registers) {
		n = threads[kernel]
		printf "%s\t%s\t%d\t%d\t%s\t%s\n", module, kernel, registers[kernel], shared[kernel], n ? n : "-", n ? warps(registers[kernel], shared[kernel], n) : "-"
	}
}
