# For sass.sh: reads cuobjdump -sass and prints, for each kernel with HMMA, what its main loop holds: the smallest range closed by a
# backward branch that contains tensor-core instructions and, if the kernel has any, asynchronous copies.
function hex(s,   i, n) {
	n = 0
	for (i = 1; i <= length(s); i++) n = n * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
	return n
}

function report(   i, j, b, e, best, size, h, l, c, wide, plain, other, all, copies) {
	if (kernel == "" || total == 0) return
	copies = 0
	for (i = 1; i <= n; i++) if (op[i] ~ /^LDGSTS/) copies = 1
	size = 0
	for (i = 1; i <= n; i++) {
		if (!(i in target) || target[i] > at[i]) continue
		for (b = 1; b <= n && at[b] < target[i]; b++);
		h = l = c = wide = plain = other = 0
		for (j = b; j <= i; j++) {
			if (op[j] ~ /^HMMA/) h++
			if (op[j] ~ /^LDSM/) l++
			if (op[j] ~ /^LDGSTS/) { c++; if (op[j] ~ /\.128/) wide++ }
			if (op[j] ~ /^LDG(\.|$)/) plain++
			if (op[j] ~ /^(STG|LDL|STL)(\.|$)/) other++
		}
		if (h == 0 || (copies && c == 0)) continue
		if (size == 0 || i - b < size) {
			size = i - b
			best = sprintf("%d HMMA, %d LDSM, %d LDGSTS (%d of 16 bytes), %d plain loads, %d stores or local accesses, %d instructions", h, l, c, wide, plain, other, i - b + 1)
			good = l > 0 && c > 0 && c == wide && other == 0
		}
	}
	if (size == 0) { best = "no loop with HMMA" (copies ? " and LDGSTS" : ""); good = 0 }
	if (kernel ~ /_any/) good = 1
	print kernel ": " best (good ? "" : "  <- wrong")
	if (!good) wrong = 1
}

/Function :/ { report(); kernel = $3; n = 0; total = 0; delete op; delete at; delete target }
match($0, /\/\*[0-9a-f]+\*\/ +/) && /;/ {
	n++
	at[n] = hex(substr($1, 3, length($1) - 4))
	i = 2
	if ($i ~ /^@/) i++
	op[n] = $i
	if (op[n] ~ /^HMMA/) total++
	if (op[n] ~ /^BRA/ && match($0, /0x[0-9a-f]+ ;/)) target[n] = hex(substr($0, RSTART + 2, RLENGTH - 4))
}
END { report(); exit wrong }
