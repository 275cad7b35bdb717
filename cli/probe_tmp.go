package cli

func probeCUDA() (bool, string) { return false, "" }
