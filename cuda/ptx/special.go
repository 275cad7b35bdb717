package ptx

import "strings"

// specialRegisters are the special registers of PTX ISA chapter 10.
var specialRegisters = func() map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(`laneid warpid nwarpid smid nsmid gridid lanemask_eq lanemask_le lanemask_lt lanemask_ge lanemask_gt
		clock clock_hi clock64 globaltimer globaltimer_lo globaltimer_hi total_smem_size aggr_smem_size dynamic_smem_size
		reserved_smem_offset_begin reserved_smem_offset_end reserved_smem_offset_cap reserved_smem_offset_0 reserved_smem_offset_1
		current_graph_exec is_explicit_cluster cluster_ctarank cluster_nctarank`) {
		m["%"+n] = true
	}
	for _, n := range strings.Fields("tid ntid ctaid nctaid clusterid nclusterid cluster_ctaid cluster_nctaid") {
		for _, c := range []string{"x", "y", "z"} {
			m["%"+n+"."+c] = true
		}
	}
	return m
}()

// isSpecial tells whether the name is a special register; %envreg0 to 31 and
// %pm0 to 7 are numbered.
func isSpecial(name string) bool {
	if specialRegisters[name] {
		return true
	}
	prefix := strings.TrimRight(name, "0123456789")
	return prefix != name && (prefix == "%envreg" || prefix == "%pm")
}
