// check_finite: the sticky flag becomes 1 where the loss, 2 where only the gradient norm is NaN or infinite; a flag that is not
// zero stays. One thread.
extern "C" __global__ void __launch_bounds__(32)
check_finite(const float *__restrict__ loss, const float *__restrict__ norm, int *__restrict__ flag) {
    if (threadIdx.x != 0 || *flag != 0) return;
    if (!(fabsf(*loss) < __int_as_float(0x7f800000)))
        *flag = 1;
    else if (!(fabsf(*norm) < __int_as_float(0x7f800000)))
        *flag = 2;
}
