! A solver that learns, while it runs, what its small scales do to the large ones, and goes on without the small scales.
! All numbers are the same at any number of ranks.
!
!     mpirun -n 4 closure [MODEL.h5]
!
! Lorenz's equations of two scales (1996): places on a circle have a slow variable x, and each a ring of fast ones, y,
! which acts on x by their sum u. Each rank has some of the places. The model is that of u at a place, given its x.
program closure
  use ddpm_train
  use mpi
  implicit none
  integer, parameter :: places = 32, ring = 8, snapshots = 40, spin_up = 10, steps = 8, iterations = 10
  real(real64), parameter :: dt = 0.01, forcing = 15, speed = 10, coupling = 1
  character(*), parameter :: config = "data: {condition: [x]}"//new_line("a")//"sampling: {steps: 10}"//new_line("a")// &
                             "training: {iterations: 300, batch: 128}"//new_line("a")//"network: {width: 32, depth: 2}"
  type(ddpm_training) :: training
  type(ddpm_generator) :: model
  real(real64) :: x(places), of_x(2, 2) = 0, loss
  real(real64), allocatable :: rows(:, :), y(:, :), y_change(:, :), x_change(:) ! rows(:, i): u and x of place i
  integer, allocatable :: counts(:), starts(:)
  character(4096) :: file
  integer :: rank, ranks, first, last, i, j, k, ierr

  call MPI_Init(ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks, ierr)
  starts = [(places*i/ranks, i=0, ranks)]
  counts = starts(2:) - starts(:ranks)
  first = starts(rank + 1) + 1
  last = starts(rank + 2)
  x = [(5 + sin(real(i, real64)), i=1, places)]
  allocate (rows(2, first:last), x_change(first:last), y_change(ring, first:last), source=0.0_real64)
  y = reshape([((x(i)*cos(real(j, real64))/50, j=1, ring), i=first, last)], [ring, last - first + 1])

  call training%create(MPI_COMM_WORLD, config, ["u", "x"], ierr)
  call check()
  do i = 0, snapshots - 1
    do j = 1, steps
      call advance_fast()
      call advance_slow()
    end do
    rows(2, :) = x(first:last)
    call training%push(int(i*places + first - 1, int64), rows, ierr)
    call check()
    of_x(:, 1) = of_x(:, 1) + [sum(x), sum(x**2)]
    if (i >= spin_up) call training%step(iterations, ierr, loss) ! the first one measures the rows
    call check()
  end do
  call training%generator(model, ierr)
  call check()
  call get_command_argument(1, file)
  if (file /= "") call training%save(file, ierr)
  call check()
  call training%close()

  do i = 0, snapshots*steps - 1
    rows(2, :) = x(first:last)
    call model%sample(rows(:1, :), ierr, seed=1_int64, first=int(i*places + first - 1, int64), conditions=rows(2:, :))
    call check()
    call advance_slow()
    if (modulo(i + 1, steps) == 0) of_x(:, 2) = of_x(:, 2) + [sum(x), sum(x**2)]
  end do
  call model%close()
  of_x = of_x/(places*snapshots)
  if (rank == 0) print "(a, f7.4, 2(/, a, f6.2, a, f5.2), /, a, es24.16)", "loss ", loss, &
    "x of both scales:   mean", of_x(1, 1), ", deviation", sqrt(of_x(2, 1) - of_x(1, 1)**2), &
    "x with the closure: mean", of_x(1, 2), ", deviation", sqrt(of_x(2, 2) - of_x(1, 2)**2), "last x(1) ", x(1)
  call MPI_Finalize(ierr)

contains

  subroutine advance_fast() ! in ten steps while x stays
    real(real64) :: before(ring, last - first + 1)
    rows(1, :) = 0
    do k = 1, 10
      before = y_change
      y_change = 10*speed*cshift(y, 1)*(cshift(y, -1) - cshift(y, 2)) - speed*y + coupling*spread(x(first:last), 1, ring)
      y = y + dt/10*(1.5*y_change - 0.5*before) ! Adams and Bashforth's method
      rows(1, :) = rows(1, :) + coupling*sum(y, 1)/10
    end do
  end subroutine

  subroutine advance_slow()
    real(real64) :: before(first:last), all(places)
    before = x_change
    all = cshift(x, -1)*(cshift(x, 1) - cshift(x, -2)) - x + forcing
    x_change = all(first:last) - rows(1, :)
    x(first:last) = x(first:last) + dt*(1.5*x_change - 0.5*before)
    call MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DOUBLE_PRECISION, x, counts, starts, MPI_DOUBLE_PRECISION, MPI_COMM_WORLD, ierr)
  end subroutine

  subroutine check()
    if (ierr == 0) return
    print "(a)", ddpm_message()
    call MPI_Abort(MPI_COMM_WORLD, 1, ierr)
  end subroutine

end program
