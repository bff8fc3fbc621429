"""What runs within the kernels: in the sandbox, these two modules stand alone, so they import none of ours."""
